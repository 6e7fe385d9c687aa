import type { WebSocket } from 'ws';

/** A connection, as a shutdown knows it. */
export interface ShutdownMember {
  readonly websocket: Pick<WebSocket, 'readyState' | 'CLOSED' | 'once' | 'terminate'>;
  /** Serves what was received, then closes. */
  shutdown(): void;
}

/** Ends the connections of a server within a time (reference 13). */
export class Shutdown {
  readonly #members: ReadonlySet<ShutdownMember>;
  readonly #timeout: number;
  #timer: NodeJS.Timeout | undefined;
  #expire: () => void = () => undefined;
  readonly #expired: Promise<void>;
  #allEnded: () => void = () => undefined;

  /** @param timeout milliseconds for all of it */
  constructor(members: ReadonlySet<ShutdownMember>, timeout: number) {
    this.#members = members;
    this.#timeout = timeout;
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
    for (const member of this.#members) member.shutdown();
    this.ended();
    await Promise.race([allEnded, this.#expired]);
    if (this.#members.size > 0) await this.#destroy();
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
