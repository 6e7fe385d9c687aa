import { asBuffer, asJson, binaryFrame, payloadOf, textFrame, textFrameOf } from './message-frame.js';

/** A message on its way to several connections: encoded once, and framed once for all that are not compressed. */
export class SharedMessage {
  readonly data: string | Buffer | Blob;
  readonly isBinary: boolean;
  #frame: Buffer | [header: Buffer, payload: Buffer] | undefined;

  private constructor(data: string | Buffer | Blob, isBinary: boolean) {
    this.data = data;
    this.isBinary = isBinary;
  }

  /**
   * @param caller the method that was called, for the error
   * @throws {TypeError} as `WebSocketConnection.send` does
   */
  static of(message: unknown, caller: string): SharedMessage {
    if (typeof message === 'string') return new SharedMessage(message, false);
    if (message instanceof Blob) return new SharedMessage(message, true);
    const binary = typeof message === 'object' && message !== null ? asBuffer(message) : undefined;
    return binary === undefined
      ? new SharedMessage(asJson(message, caller), false)
      : new SharedMessage(binary, true);
  }

  /** A message that another instance encoded: a text's UTF-8 stays as it is. */
  static encoded(payload: Buffer, isBinary: boolean): SharedMessage {
    return new SharedMessage(payload, isBinary);
  }

  /** The frame that connections share; undefined for a Blob, whose bytes have to be read first. */
  get frame(): Buffer | [header: Buffer, payload: Buffer] | undefined {
    if (this.#frame === undefined && !(this.data instanceof Blob)) {
      if (typeof this.data === 'string') this.#frame = textFrame(this.data);
      else this.#frame = this.isBinary ? binaryFrame(this.data) : textFrameOf(this.data);
    }
    return this.#frame;
  }

  /** The bytes for other instances; a Blob's have to be read first. */
  get payload(): Buffer | Blob {
    // A text was encoded for its frame, or will be: once for the clients here and for the others.
    return typeof this.data === 'string' ? payloadOf(this.frame as Buffer) : this.data;
  }
}
