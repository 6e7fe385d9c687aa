import { BackplaneError } from '../errors/backplane.error.js';
import { errorMessage } from '../errors/error-details.js';
import { isInstance } from '../foundation/instance.js';
import { endOfTurn, type TurnListener } from '../foundation/end-of-turn.js';
import type { HistoryBounds, TopicPosition } from '../interfaces/index.js';
import type { SharedMessage } from '../server/message/shared-message.js';
import { packMessage } from './entry.js';
import type { HistoryStore } from './history-store.js';

interface Outgoing {
  readonly message: SharedMessage;
  readonly except: readonly number[];
  readonly bytes: number;
  readonly resolve: (position: TopicPosition) => void;
  readonly reject: (error: unknown) => void;
}

/** What waits to be appended to one topic, in order. */
interface TopicQueue {
  waiting: Outgoing[];
  appending: boolean;
}

/** Bytes that may wait for the store. */
const MAX_PENDING_BYTES = 16 * 1024 * 1024;
/** How many messages, and bytes of them, are appended at once. */
const MAX_BATCH = 128;
const MAX_BATCH_BYTES = 256 * 1024;

/**
 * Appends what is published to the histories: what one topic gets in a turn of the event loop, or while the store takes
 * what came before, together. So the order is that of the calls.
 */
export class Appender implements TurnListener {
  readonly #store: HistoryStore;
  readonly #bounds: HistoryBounds;
  readonly #channel: (topic: string) => string;
  readonly #before: (topic: string) => Promise<void> | undefined;
  readonly #queues = new Map<string, TopicQueue>();
  #scheduled = false;
  #bytes = 0;
  readonly #onIdle: (() => void)[] = [];

  /**
   * @param channel the channel of a topic
   * @param before what has to be over before something is appended to a topic; nothing is if it rejects
   */
  constructor(
    store: HistoryStore,
    bounds: HistoryBounds,
    channel: (topic: string) => string,
    before: (topic: string) => Promise<void> | undefined,
  ) {
    this.#store = store;
    this.#bounds = bounds;
    this.#channel = channel;
    this.#before = before;
  }

  append(topic: string, message: SharedMessage, except: readonly number[]): Promise<TopicPosition> {
    const { payload } = message;
    const bytes = payload instanceof Blob ? payload.size : payload.length;
    if (this.#bytes + bytes > MAX_PENDING_BYTES && this.#bytes > 0) {
      return Promise.reject(
        new BackplaneError(
          'history',
          `the store does not keep up: more than ${MAX_PENDING_BYTES} bytes wait for it; the message is not published`,
        ),
      );
    }
    this.#bytes += bytes;
    return new Promise((resolve, reject) => {
      this.#queue(topic).waiting.push({ message, except, bytes, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      endOfTurn(this);
    });
  }

  endTurn(): void {
    this.#scheduled = false;
    for (const [topic, queue] of this.#queues) if (!queue.appending) void this.#appendAll(topic, queue);
  }

  /** Resolves when the store has taken, or refused, all that waits. */
  async settled(): Promise<void> {
    while (this.#queues.size > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  #queue(topic: string): TopicQueue {
    let queue = this.#queues.get(topic);
    if (queue === undefined) {
      queue = { waiting: [], appending: false };
      this.#queues.set(topic, queue);
    }
    return queue;
  }

  async #appendAll(topic: string, queue: TopicQueue): Promise<void> {
    queue.appending = true;
    try {
      await this.#before(topic);
    } catch (error) {
      this.#refuse(queue.waiting.splice(0), error);
    }
    const channel = this.#channel(topic);
    while (queue.waiting.length > 0) await this.#appendBatch(channel, takeBatch(queue));
    this.#queues.delete(topic);
    if (this.#queues.size === 0) for (const idle of this.#onIdle.splice(0)) idle();
  }

  async #appendBatch(channel: string, batch: readonly Outgoing[]): Promise<void> {
    const accepted: Outgoing[] = [];
    const messages: Buffer[] = [];
    for (const outgoing of batch) {
      const { message, except } = outgoing;
      const { payload, isBinary } = message;
      try {
        const bytes = payload instanceof Blob ? Buffer.from(await payload.arrayBuffer()) : payload;
        messages.push(packMessage({ payload: bytes, isBinary, except }));
        accepted.push(outgoing);
      } catch (cause) {
        outgoing.reject(new BackplaneError('history', 'a Blob could not be read', { cause }));
      }
    }
    try {
      if (messages.length > 0) {
        const { epoch, offset } = await this.#store.append(channel, messages, this.#bounds);
        for (const [index, { resolve }] of accepted.entries()) resolve({ epoch, offset: offset + index });
      }
    } catch (error) {
      for (const { reject } of accepted) reject(asBackplaneError(error));
    }
    for (const { bytes } of batch) this.#bytes -= bytes;
  }

  #refuse(batch: readonly Outgoing[], error: unknown): void {
    for (const { reject, bytes } of batch) {
      this.#bytes -= bytes;
      reject(asBackplaneError(error));
    }
  }
}

function takeBatch(queue: TopicQueue): Outgoing[] {
  let bytes = 0;
  let length = 0;
  for (const outgoing of queue.waiting) {
    bytes += outgoing.bytes;
    if (length > 0 && (length === MAX_BATCH || bytes > MAX_BATCH_BYTES)) break;
    length++;
  }
  return queue.waiting.splice(0, length);
}

function asBackplaneError(error: unknown): unknown {
  // A store of anybody's may reject with anything, also with what has no text.
  if (isInstance(error, BackplaneError)) return error;
  return new BackplaneError('history', `the message is not published: ${errorMessage(error)}`, {
    cause: error,
  });
}
