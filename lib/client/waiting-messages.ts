import { sizeOf } from './message.js';
import type { Payload } from './transport.js';

/** Asked of a message when it leaves: whether it still is to. */
export type Leaves = () => boolean;

/** Messages that were sent while there was no connection, in order and bounded (reference 15.5). */
export class WaitingMessages {
  #payloads: [Payload, Leaves?][] = [];
  bytes = 0;

  /**
   * @param limit how many bytes may wait
   * @throws {RangeError} if more would; the message does not wait
   */
  add(payload: Payload, limit: number, leaves?: Leaves): void {
    const bytes = this.bytes + sizeOf(payload);
    if (bytes > limit) {
      throw new RangeError(
        `FourDWebSocket: ${bytes} bytes would wait for a connection, "maxBufferedAmount" is ${limit}`,
      );
    }
    this.bytes = bytes;
    this.#payloads.push([payload, leaves]);
  }

  /** Hands them over for as long as they are taken; the others go on waiting. */
  flush(take: (payload: Payload, leaves?: Leaves) => boolean): void {
    while (this.#payloads.length > 0 && take(...this.#payloads[0]!))
      this.bytes -= sizeOf(this.#payloads.shift()![0]);
  }
}
