import { ConnectionView, type Connected, type ConnectionCollection } from './connection-collection.js';
import type { Subscriber, Topics } from './topics.js';

/**
 * The topics of a server, live, with their subscribers on this instance (reference 14.1). A topic exists while it has
 * subscribers.
 */
export class TopicCollection implements Iterable<string> {
  readonly #topics: Topics<Subscriber & Connected>;
  readonly #find: (id: number) => (Subscriber & Connected) | undefined;

  /**
   * @internal
   * @param find gives what stands behind the connection with this id
   */
  constructor(
    topics: Topics<Subscriber & Connected>,
    find: (id: number) => (Subscriber & Connected) | undefined,
  ) {
    this.#topics = topics;
    this.#find = find;
  }

  /** How many topics there are. */
  get length(): number {
    return this.#topics.size;
  }

  /** Whether a topic has subscribers. */
  has(topic: string): boolean {
    return this.#topics.get(topic).size > 0;
  }

  /** The subscribers of a topic; an empty collection, which may fill, if it has none. */
  get(topic: string): ConnectionCollection {
    return new ConnectionView(
      () => this.#topics.get(topic),
      (id) => {
        const connected = this.#find(id);
        return connected?.topics.has(topic) === true ? connected : undefined;
      },
    );
  }

  /** The names of the topics. */
  [Symbol.iterator](): IterableIterator<string> {
    return this.#topics.names();
  }
}
