import { Duplex } from 'node:stream';
// Not the global one: a test that fakes timers would hold the bytes back.
import { setImmediate } from 'node:timers';

type Callback = (error?: Error | null) => void;

/**
 * One end of a connection that lives in memory. It does what a TCP socket does: bytes arrive in a later turn of the event
 * loop, whoever reads too slowly holds up who writes, and a destroyed end ends the other.
 */
export class MemorySocket extends Duplex {
  readonly remoteAddress = '127.0.0.1';
  readonly remoteFamily = 'IPv4';
  readonly encrypted: boolean;
  private other!: MemorySocket;
  /** Tells the other end that what it wrote was taken. */
  #taken: Callback | undefined;

  private constructor(encrypted: boolean) {
    super();
    this.encrypted = encrypted;
  }

  /**
   * Makes both ends of a connection.
   *
   * @param encrypted whether they pass for the ends of a TLS connection
   */
  static pair(encrypted: boolean): [MemorySocket, MemorySocket] {
    const ends: [MemorySocket, MemorySocket] = [new MemorySocket(encrypted), new MemorySocket(encrypted)];
    ends[0].other = ends[1];
    ends[1].other = ends[0];
    return ends;
  }

  // What a TCP socket can be told, and memory need not know.

  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  override _read(): void {
    this.#release();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, written: Callback): void {
    setImmediate(() => this.other.#receive(chunk, written));
  }

  override _final(ended: Callback): void {
    setImmediate(() => {
      this.other.#end();
      ended();
    });
  }

  override _destroy(error: Error | null, destroyed: Callback): void {
    this.#release();
    // Behind what was written before.
    setImmediate(() => this.other.#end());
    destroyed(error);
  }

  #receive(chunk: Buffer, taken: Callback): void {
    // As with TCP, what is written to an end that is gone is lost.
    if (this.destroyed || this.push(chunk)) taken();
    else this.#taken = taken;
  }

  #end(): void {
    if (!this.destroyed) this.push(null);
  }

  #release(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
  }
}
