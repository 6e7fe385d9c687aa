import type { ConnectionSession } from './connection-session.js';
import { CloseCode } from './close-code.js';

/** How many rounds the shorter of the two times is divided into: the heartbeat is that exact. */
const ROUNDS = 4;

/**
 * Finds peers that are gone (reference 8): one timer for a whole server. Each round looks whether anything was read from
 * a connection's socket; that costs nothing on the path of its messages, and any traffic counts as life. After
 * `interval` of silence the client is pinged, after `timeout` more its socket is destroyed.
 */
export class Heartbeat {
  readonly #sessions: Iterable<ConnectionSession>;
  readonly #interval: number;
  readonly #timeout: number;
  readonly #round: number;
  #timer: NodeJS.Timeout | undefined;

  /** @param interval,timeout milliseconds */
  constructor(sessions: Iterable<ConnectionSession>, interval: number, timeout: number) {
    this.#sessions = sessions;
    this.#interval = interval;
    this.#timeout = timeout;
    this.#round = Math.max(1, Math.floor(Math.min(interval, timeout) / ROUNDS));
  }

  start(): void {
    // Connections keep the process alive, the heartbeat need not.
    this.#timer ??= setInterval(() => this.#beat(), this.#round).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #beat(): void {
    for (const session of this.#sessions) this.#examine(session);
  }

  #examine(session: ConnectionSession): void {
    const { websocket } = session;
    if (websocket.readyState !== websocket.OPEN) return;
    const { bytesRead } = session.socket;
    if (bytesRead !== session.bytesRead) {
      session.bytesRead = bytesRead;
      session.silentFor = 0;
      return;
    }
    const before = session.silentFor;
    session.silentFor += this.#round;
    if (before < this.#interval && session.silentFor >= this.#interval) {
      websocket.ping();
      // While we don't read from a client we can't hear its answer either. But a peer that is gone answers with a reset, or
      // not at all, and then one of the next pings can't be written: the socket fails.
      if (websocket.isPaused) session.silentFor = 0;
    } else if (session.silentFor >= this.#interval + this.#timeout) {
      session.fail(
        CloseCode.ABNORMAL,
        new Error(`The client did not answer a ping within ${this.#timeout} ms: heartbeat missed`),
      );
      websocket.terminate();
    }
  }
}
