/** What a drain waits for. */
interface Waiter {
  threshold: number;
  resolve: () => void;
  reject: (error: Error) => void;
}

/** What drains: what a connection has accepted and not yet handed on. */
export interface DrainingBuffer {
  readonly bufferedAmount: number;
  /** Checks again when all that the socket holds now is written. */
  watchSocket(): void;
}

/** The promises of one connection's `drain` calls; made at the first of them, since most connections have none. */
export class DrainWatcher {
  readonly #waiters: Waiter[] = [];
  readonly #buffer: DrainingBuffer;

  constructor(buffer: DrainingBuffer) {
    this.#buffer = buffer;
  }

  /** Resolves when a check finds no more than `threshold` bytes buffered. */
  wait(threshold: number): Promise<void> {
    return new Promise((resolve, reject) => this.#waiters.push({ threshold, resolve, reject }));
  }

  /**
   * Something was written: resolves what can be resolved. A function of its own, to be the callback of a write. With an
   * error nothing was written: the socket is about to close, and {@link fail} to be called.
   */
  readonly check = (error?: Error | null): void => {
    if (error || this.#waiters.length === 0) return;
    const { bufferedAmount } = this.#buffer;
    for (let index = this.#waiters.length - 1; index >= 0; index--) {
      const waiter = this.#waiters[index]!;
      if (bufferedAmount > waiter.threshold) continue;
      this.#waiters.splice(index, 1);
      waiter.resolve();
    }
    if (this.#waiters.length > 0) this.#buffer.watchSocket();
  };

  /** The connection closed: rejects all that wait. */
  fail(): void {
    const error = new Error(
      'WebSocketConnection.drain(): the connection closed before its buffer had drained',
    );
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }
}
