import type { WebSocket } from 'ws';
import { CloseCode } from '../errors/close-code.js';

/** A client, as the heartbeat knows it. */
export interface HeartbeatPeer {
  readonly websocket: Pick<WebSocket, 'readyState' | 'OPEN' | 'isPaused' | 'ping' | 'terminate'>;
  readonly socket: { readonly bytesRead: number };
  /** What had been read from the socket at the last round, and how long that was all, in milliseconds. */
  bytesRead: number;
  silentFor: number;
  readonly id: number;
  fail(errCode: number, error: Error): void;
  /** Tells a client that sees no pings that the server is there. */
  beat(): void;
}

/** How many rounds the shorter of the two times is divided into: the heartbeat is that exact. */
const ROUNDS = 4;

/**
 * Finds peers that are gone (reference 8): one timer for a whole server. Each round looks whether anything was read from
 * a connection's socket; that costs nothing on the path of its messages, and any traffic counts as life. After
 * `interval` of silence the client is pinged, after `timeout` more its socket is destroyed.
 */
export class Heartbeat {
  readonly #peers: Iterable<HeartbeatPeer>;
  readonly #interval: number;
  readonly #timeout: number;
  readonly #round: number;
  readonly #roundsAnInterval: number;
  #rounds = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param interval,timeout milliseconds */
  constructor(peers: Iterable<HeartbeatPeer>, interval: number, timeout: number) {
    this.#peers = peers;
    this.#interval = interval;
    this.#timeout = timeout;
    this.#round = Math.max(1, Math.floor(Math.min(interval, timeout) / ROUNDS));
    this.#roundsAnInterval = Math.max(1, Math.floor(interval / this.#round));
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
    const turn = this.#rounds++;
    for (const peer of this.#peers) {
      this.#examine(peer);
      // Each of them once an interval, and not all in the same round.
      if ((turn + peer.id) % this.#roundsAnInterval === 0) peer.beat();
    }
  }

  #examine(peer: HeartbeatPeer): void {
    const { websocket } = peer;
    if (websocket.readyState !== websocket.OPEN) return;
    const { bytesRead } = peer.socket;
    if (bytesRead !== peer.bytesRead) {
      peer.bytesRead = bytesRead;
      peer.silentFor = 0;
      return;
    }
    const before = peer.silentFor;
    peer.silentFor += this.#round;
    if (before < this.#interval && peer.silentFor >= this.#interval) {
      websocket.ping();
      // While we don't read from a client we can't hear its answer either. But a peer that is gone answers with a reset, or
      // not at all, and then one of the next pings can't be written: the socket fails.
      if (websocket.isPaused) peer.silentFor = 0;
    } else if (peer.silentFor >= this.#interval + this.#timeout) {
      peer.fail(
        CloseCode.ABNORMAL,
        new Error(`The client did not answer a ping within ${this.#timeout} ms: heartbeat missed`),
      );
      websocket.terminate();
    }
  }
}
