import { SharedMessage } from '../server/message/shared-message.js';
import type { RememberedMessage } from './entry.js';

/** Makes the messages of one topic, with the header line of the sub-protocol (reference 16.7). */
export class RememberedFrames {
  readonly #prefix: string;

  constructor(topic: string) {
    // The same for all of its messages.
    this.#prefix = `["message",${JSON.stringify(topic)},`;
  }

  of(offset: number, { payload, isBinary }: RememberedMessage): SharedMessage {
    return SharedMessage.remembered(payload, isBinary, `${this.#prefix}${offset}]`);
  }
}
