import { ConnectionCollection } from './connection-collection.js';
import type { ConnectionSession } from './connection-session.js';
import type { Topics } from './topics.js';
import type { WebSocketConnection } from './web-socket-connection.js';

/**
 * The topics of a server, live, with their subscribers on this instance (reference 14.1). A topic exists while it has
 * subscribers.
 */
export class TopicCollection implements Iterable<string> {
  readonly #topics: Topics;
  readonly #connections: ConnectionCollection;

  /** @internal */
  constructor(topics: Topics, connections: ConnectionCollection) {
    this.#topics = topics;
    this.#connections = connections;
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
    return new Subscribers(this.#topics, this.#connections, topic);
  }

  /** The names of the topics. */
  [Symbol.iterator](): IterableIterator<string> {
    return this.#topics.names();
  }
}

/** The connections that subscribed to a topic. */
class Subscribers extends ConnectionCollection {
  readonly #topics: Topics;
  readonly #connections: ConnectionCollection;
  readonly #topic: string;

  constructor(topics: Topics, connections: ConnectionCollection, topic: string) {
    super();
    this.#topics = topics;
    this.#connections = connections;
    this.#topic = topic;
  }

  get length(): number {
    return this.#sessions.size;
  }

  get(id: number): WebSocketConnection | undefined {
    const connection = this.#connections.get(id);
    return connection?.topics.has(this.#topic) === true ? connection : undefined;
  }

  *[Symbol.iterator](): IterableIterator<WebSocketConnection> {
    for (const { connection } of this.#sessions) yield connection;
  }

  get #sessions(): ReadonlySet<ConnectionSession> {
    return this.#topics.get(this.#topic);
  }
}
