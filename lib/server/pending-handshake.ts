import type { Duplex } from 'node:stream';

/** What may end a handshake before it is decided. */
export interface PendingHandshakeObserver {
  /** The client went away: there is nobody to answer. */
  gone(): void;
  /** The time is over. */
  timedOut(): void;
}

/** Watches the socket of a client whose handshake is being decided asynchronously (SPEC 10.2). */
export class PendingHandshake {
  readonly #socket: Duplex;
  readonly #observer: PendingHandshakeObserver;
  readonly #timer: NodeJS.Timeout;

  /** @param timeout milliseconds */
  constructor(socket: Duplex, timeout: number, observer: PendingHandshakeObserver) {
    this.#socket = socket;
    this.#observer = observer;
    this.#timer = setTimeout(() => {
      this.stop();
      observer.timedOut();
    }, timeout);
    socket.on('readable', this.#onReadable);
    socket.on('end', this.#onGone);
    socket.on('close', this.#onGone);
    socket.on('error', this.#onGone);
  }

  /** Watches no longer; what the client sent meanwhile is left in the socket, for ws to read. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#socket.off('readable', this.#onReadable);
    this.#socket.off('end', this.#onGone);
    this.#socket.off('close', this.#onGone);
    this.#socket.off('error', this.#onGone);
  }

  readonly #onReadable = (): void => {
    // Readable without data is the end of the stream, which only a read brings out.
    if (this.#socket.readableLength === 0) this.#socket.read();
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
