import type { ClientHeader } from '../protocol/client-header.js';
import { MAX_IDS, MAX_POSITIONS } from '../protocol/limits.js';
import type { ServerHeader } from '../protocol/server-header.js';
import type { ClientResumedTopic } from './events.js';

/** A topic, where the client stands in it, and what became of what it had missed. */
type Followed = [topic: string, epoch: string, offset: number, recovered?: boolean, lost?: number | null];

/** Where a client stands in the topics that it follows: what it brings when it comes back (reference 16.4). */
export class Positions {
  readonly #ids: number[];
  /** Those that it followed last come last. */
  readonly #topics: Map<string, Followed>;

  constructor([, ids, positions]: ClientHeader = ['positions', [], []]) {
    this.#ids = [...ids];
    this.#topics = new Map(positions.map((position) => [position[0], [...position]]));
  }

  get header(): ClientHeader {
    return [
      'positions',
      this.#ids,
      Array.from(this.#topics.values(), ([topic, epoch, offset]) => [topic, epoch, offset]),
    ];
  }

  resumed(topic: string): ClientResumedTopic {
    const [, , , recovered = false, lost] = this.#topics.get(topic) ?? [];
    return { recovered, lost: lost ?? undefined };
  }

  /** Goes on by what a server told. */
  apply(header: ServerHeader): void {
    const ids = this.#ids;
    const topics = this.#topics;
    if (header[0] === 'hello') {
      if (ids.push(header[1].id) > MAX_IDS) ids.shift();
    } else if (header[0] === 'topic') {
      const [, ...followed] = header;
      topics.delete(followed[0]);
      topics.set(followed[0], followed);
      if (topics.size > MAX_POSITIONS) topics.delete(topics.keys().next().value!);
    } else if (header[0] === 'message') {
      const followed = topics.get(header[1]);
      if (followed) followed[2] = header[2];
    } else if (header[0] === 'left') {
      topics.delete(header[1]);
    }
  }
}
