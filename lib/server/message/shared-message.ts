import {
  asBuffer,
  asJson,
  binaryFrame,
  compressedFrame,
  headedFrame,
  payloadOf,
  textFrame,
  textFrameOf,
} from './message-frame.js';
import type { SharedDeflate } from './shared-deflate.js';

/** A frame: in one piece if it is short, else its header and its payload. */
type Frame = Buffer | [header: Buffer, payload: Buffer];

/** The header line of a message of the application's (reference 16.7). */
export const PLAIN_LINE = '\n';

/**
 * A message on its way to several connections: encoded once, and framed once for all that are not compressed; once more for
 * those that speak the sub-protocol (reference 16.7).
 */
export class SharedMessage {
  readonly data: string | Buffer | Blob;
  readonly isBinary: boolean;
  readonly #line: string;
  #frame: Frame | undefined;
  #headedFrame: Frame | undefined;
  #compressed: Map<SharedDeflate, Frame | undefined> | undefined;
  #headedCompressed: Map<SharedDeflate, Frame | undefined> | undefined;
  #bytes: number | undefined;

  private constructor(data: string | Buffer | Blob, isBinary: boolean, line = PLAIN_LINE) {
    this.data = data;
    this.isBinary = isBinary;
    this.#line = line;
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

  /**
   * A message of a topic with history.
   *
   * @param header of the sub-protocol
   */
  static remembered(payload: Buffer, isBinary: boolean, header: string): SharedMessage {
    return new SharedMessage(payload, isBinary, `${header}\n`);
  }

  /** How long the message is, without frame and header line. */
  get bytes(): number {
    this.#bytes ??= bytesOf(this.data);
    return this.#bytes;
  }

  /** The frame that connections share; undefined for a Blob, whose bytes have to be read first. */
  get frame(): Frame | undefined {
    if (this.#frame === undefined && !(this.data instanceof Blob)) {
      if (typeof this.data === 'string') this.#frame = textFrame(this.data);
      else this.#frame = this.isBinary ? binaryFrame(this.data) : textFrameOf(this.data);
    }
    return this.#frame;
  }

  /** The same of those that speak the sub-protocol. */
  get headedFrame(): Frame | undefined {
    const { data } = this;
    if (this.#headedFrame === undefined && !(data instanceof Blob)) {
      if (typeof data === 'string') this.#headedFrame = textFrame(this.#line + data);
      else this.#headedFrame = headedFrame(this.#line, data, this.isBinary);
    }
    return this.#headedFrame;
  }

  /**
   * The frame for connections that are compressed with this: made once for all of them.
   *
   * @returns undefined for a Blob, and for what is too long to be compressed while everybody waits
   */
  compressedFrame(deflate: SharedDeflate, isHeaded: boolean): Frame | undefined {
    const frames = isHeaded ? (this.#headedCompressed ??= new Map()) : (this.#compressed ??= new Map());
    let frame = frames.get(deflate);
    if (frame === undefined && !frames.has(deflate)) {
      frame = this.#compress(deflate, isHeaded);
      frames.set(deflate, frame);
    }
    return frame;
  }

  #compress(deflate: SharedDeflate, isHeaded: boolean): Frame | undefined {
    const data = isHeaded ? this.headedData : this.data;
    if (data instanceof Blob) return undefined;
    if (deflate.leaves(bytesOf(data))) return isHeaded ? this.headedFrame : this.frame;
    const compressed = deflate.compress(typeof data === 'string' ? Buffer.from(data) : data);
    return compressed && compressedFrame(compressed, this.isBinary);
  }

  /** What is sent through `ws` to those that speak the sub-protocol. */
  get headedData(): string | Buffer | Blob {
    const { data } = this;
    return typeof data === 'string' ? this.#line + data : headed(this.#line, data);
  }

  /** The bytes for other instances; a Blob's have to be read first. */
  get payload(): Buffer | Blob {
    // A text was encoded for its frame, or will be: once for the clients here and for the others.
    return typeof this.data === 'string' ? payloadOf(this.frame as Buffer) : this.data;
  }
}

/** How long a message is, in bytes. */
export function bytesOf(data: string | Buffer | Blob): number {
  if (typeof data === 'string') return Buffer.byteLength(data);
  return data instanceof Blob ? data.size : data.length;
}

/** Binary data behind a header line. */
export function headed(line: string, data: Buffer): Buffer;
export function headed(line: string, data: Blob): Blob;
export function headed(line: string, data: Buffer | Blob): Buffer | Blob;
export function headed(line: string, data: Buffer | Blob): Buffer | Blob {
  return data instanceof Blob ? new Blob([line, data]) : Buffer.concat([Buffer.from(line), data]);
}
