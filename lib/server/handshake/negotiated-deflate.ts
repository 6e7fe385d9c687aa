import type { PerMessageDeflateOptions } from '../../interfaces/index.js';
import { SharedDeflate } from '../message/shared-deflate.js';

const HEADER = 'sec-websocket-extensions:';

/** As in `ws`. */
const THRESHOLD = 1024;

const LARGEST_WINDOW = 15;

/** A raw stream of zlib's has no smaller window: what it makes of 8 does not fit who negotiated that. */
const SMALLEST_WINDOW = 9;

/** Reads of the 101 how messages to a client may be compressed, once for all who negotiated the same (reference 14.1). */
export class NegotiatedDeflate {
  readonly #options: PerMessageDeflateOptions;
  readonly #byWindow = new Map<number, SharedDeflate>();

  constructor(options: PerMessageDeflateOptions) {
    this.#options = options;
  }

  /**
   * @param headers the lines of the 101
   * @returns undefined for a client that is not compressed, or keeps its window from message to message
   */
  read(headers: readonly string[]): SharedDeflate | undefined {
    const line = headers.find((header) => header.toLowerCase().startsWith(HEADER));
    if (line === undefined || !/\bserver_no_context_takeover\b/.test(line)) return undefined;
    const windowBits = Number(/\bserver_max_window_bits=(\d+)/.exec(line)?.[1] ?? LARGEST_WINDOW);
    if (windowBits < SMALLEST_WINDOW) return undefined;
    let deflate = this.#byWindow.get(windowBits);
    if (deflate === undefined) {
      const { threshold = THRESHOLD, zlibDeflateOptions } = this.#options;
      deflate = new SharedDeflate(windowBits, threshold, zlibDeflateOptions);
      this.#byWindow.set(windowBits, deflate);
    }
    return deflate;
  }
}
