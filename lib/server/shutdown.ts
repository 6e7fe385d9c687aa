import type { WebSocket } from 'ws';

/** A connection, as a shutdown knows it. */
export interface ShutdownMember {
  readonly websocket: Pick<WebSocket, 'readyState' | 'CLOSED' | 'once' | 'terminate'>;
  /** Serves what was received, then closes. */
  shutdown(): void;
}

/** How often connections are closed while a shutdown is spread, in milliseconds. */
const SPREAD_STEP = 20;

/** Ends the connections of a server within a time (reference 13). */
export class Shutdown {
  readonly #members: ReadonlySet<ShutdownMember>;
  readonly #timeout: number;
  readonly #spread: number;
  #timer: NodeJS.Timeout | undefined;
  #closing: NodeJS.Timeout | undefined;
  #expire: () => void = () => undefined;
  readonly #expired: Promise<void>;
  #allEnded: () => void = () => undefined;

  /**
   * @param timeout milliseconds for all of it
   * @param spread milliseconds over which the connections are closed
   */
  constructor(members: ReadonlySet<ShutdownMember>, timeout: number, spread: number) {
    this.#members = members;
    this.#timeout = timeout;
    this.#spread = spread;
    this.#expired = new Promise((resolve) => {
      this.#expire = resolve;
    });
  }

  /**
   * Closes every connection after what it received is served, and waits for the last hook of the last one. Destroys
   * the sockets that are left when the time is over.
   */
  async run(): Promise<void> {
    this.#timer = setTimeout(this.#expire, this.#timeout);
    const allEnded = new Promise<void>((resolve) => {
      this.#allEnded = resolve;
    });
    this.#closeEvenly();
    this.ended();
    await Promise.race([allEnded, this.#expired]);
    clearInterval(this.#closing);
    if (this.#members.size > 0) await this.#destroy();
  }

  /** Closes connections in the order in which they came, as many at a time as the time that has passed asks for. */
  #closeEvenly(): void {
    const members = [...this.#members];
    const began = performance.now();
    let next = 0;
    const closeDue = (): void => {
      const passed = performance.now() - began;
      const due = this.#spread === 0 ? members.length : Math.ceil((passed / this.#spread) * members.length);
      while (next < Math.min(due, members.length)) members[next++]!.shutdown();
      if (next === members.length) clearInterval(this.#closing);
    };
    if (this.#spread > 0) this.#closing = setInterval(closeDue, Math.min(SPREAD_STEP, this.#spread));
    closeDue();
  }

  /** A connection ended. */
  ended(): void {
    if (this.#members.size === 0) this.#allEnded();
  }

  /** Waits for a last step, as long as there is time. */
  async race(lastStep: Promise<void>): Promise<void> {
    await Promise.race([lastStep, this.#expired]);
    clearTimeout(this.#timer);
  }

  /** Destroys the sockets; their closing still runs the `onTerminate` of all whose hooks are not stuck. */
  async #destroy(): Promise<void> {
    await Promise.all(
      Array.from(this.#members, ({ websocket }) => {
        if (websocket.readyState === websocket.CLOSED) return undefined;
        return new Promise<void>((resolve) => {
          websocket.once('close', () => resolve());
          websocket.terminate();
        });
      }),
    );
  }
}
