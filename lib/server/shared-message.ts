import { asBuffer, asJson, binaryFrame, textFrame } from './message-frame.js';

/** A message on its way to several connections: encoded once, and framed once for all that are not compressed. */
export class SharedMessage {
  readonly data: string | Buffer | Blob;
  readonly isBinary: boolean;
  #frame: Buffer | [header: Buffer, payload: Buffer] | undefined;

  /** @throws {TypeError} as `WebSocketConnection.send` does */
  constructor(message: unknown) {
    if (typeof message === 'string' || message instanceof Blob) {
      this.data = message;
    } else {
      const binary = typeof message === 'object' && message !== null ? asBuffer(message) : undefined;
      this.data = binary ?? asJson(message);
    }
    this.isBinary = typeof this.data !== 'string';
  }

  /** The frame that connections share; undefined for a Blob, whose bytes have to be read first. */
  get frame(): Buffer | [header: Buffer, payload: Buffer] | undefined {
    if (this.#frame === undefined && !(this.data instanceof Blob)) {
      this.#frame = typeof this.data === 'string' ? textFrame(this.data) : binaryFrame(this.data);
    }
    return this.#frame;
  }
}
