import type { Duplex } from 'node:stream';

/** What may end a handshake before it is decided. */
export interface PendingHandshakeObserver {
  /** The client went away: there is nobody to answer. */
  gone(): void;
  /** The time is over. */
  timedOut(): void;
}

/** How long a handshake may wait, and how much its client may send meanwhile. */
export interface PendingHandshakeLimits {
  /** Milliseconds. */
  readonly handshakeTimeout: number;
  /** Bytes that are read ahead; past them the client has to wait, and its leaving shows only afterwards. */
  readonly maxQueuedBytes: number;
}

/**
 * Watches the socket of a client whose handshake is being decided asynchronously (reference 10.2). The end of a stream shows
 * only to who reads it to its end, so what the client sends meanwhile is read, and kept.
 */
export class PendingHandshake {
  readonly #socket: Duplex;
  readonly #observer: PendingHandshakeObserver;
  readonly #limit: number;
  readonly #timer: NodeJS.Timeout;
  readonly #received: Buffer[] = [];
  #bytes = 0;

  constructor(socket: Duplex, limits: PendingHandshakeLimits, observer: PendingHandshakeObserver) {
    this.#socket = socket;
    this.#observer = observer;
    this.#limit = limits.maxQueuedBytes;
    this.#timer = setTimeout(() => {
      this.stop();
      observer.timedOut();
    }, limits.handshakeTimeout);
    socket.on('readable', this.#onReadable);
    socket.on('end', this.#onGone);
    socket.on('close', this.#onGone);
    socket.on('error', this.#onGone);
  }

  /** Watches no longer. Returns what the client sent meanwhile; what is not read yet is left in the socket. */
  stop(): readonly Buffer[] {
    clearTimeout(this.#timer);
    this.#socket.off('readable', this.#onReadable);
    this.#socket.off('end', this.#onGone);
    this.#socket.off('close', this.#onGone);
    this.#socket.off('error', this.#onGone);
    return this.#received;
  }

  readonly #onReadable = (): void => {
    while (this.#bytes <= this.#limit) {
      // Without data it is the end of the stream, which only a read brings out.
      const chunk = this.#socket.read() as Buffer | null;
      if (chunk === null) return;
      this.#received.push(chunk);
      this.#bytes += chunk.length;
    }
  };

  readonly #onGone = (): void => {
    this.stop();
    this.#socket.on('error', ignore);
    this.#socket.destroy();
    this.#observer.gone();
  };
}

/** A destroyed socket may still report an error, which nobody waits for. */
function ignore(): void {}
