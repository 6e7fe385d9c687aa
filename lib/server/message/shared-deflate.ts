import { constants, deflateRawSync, type ZlibOptions } from 'node:zlib';

/** What a flushed block ends with, which is not sent (RFC 7692, section 7.2.1). */
const TAIL_LENGTH = 4;

/** Longer messages are compressed for each connection, off the main thread: so long a one would hold up everybody. */
const MOST_BYTES = 64 * 1024;

/**
 * Compresses messages for all connections that forget their window after each message, and have one of the same size: the same bytes
 * are right for all of them (reference 14.1; RFC 7692, section 7.1.1.1).
 */
export class SharedDeflate {
  readonly threshold: number;
  readonly #options: ZlibOptions;

  /**
   * @param windowBits that were negotiated
   * @param threshold shorter messages are not compressed, in bytes
   * @param options the application's own for zlib
   */
  constructor(windowBits: number, threshold: number, options: ZlibOptions = {}) {
    this.threshold = threshold;
    this.#options = { ...options, windowBits, finishFlush: constants.Z_SYNC_FLUSH };
  }

  /** Whether a message of so many bytes is not compressed. */
  leaves(bytes: number): boolean {
    return bytes < this.threshold;
  }

  /** The message compressed; undefined if it is too long for that. */
  compress(data: Buffer): Buffer | undefined {
    if (data.length > MOST_BYTES) return undefined;
    const compressed = deflateRawSync(data, this.#options);
    return compressed.subarray(0, compressed.length - TAIL_LENGTH);
  }
}
