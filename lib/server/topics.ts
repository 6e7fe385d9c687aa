import type { ConnectionSession } from './connection-session.js';

/** The topics of a connection that has none; most have none, and share this. */
export const NO_TOPICS: ReadonlySet<string> = new Set();

const NOBODY: ReadonlySet<ConnectionSession> = new Set();

/** Who wants to know which topics there are. */
export interface TopicObserver {
  /** A topic has its first subscriber. */
  topicAdded(topic: string): void;
  /** A topic has lost its last subscriber. */
  topicRemoved(topic: string): void;
}

/** Who subscribed to what, on one server (reference 14.1). A topic exists while it has subscribers. */
export class Topics {
  observer: TopicObserver | undefined;
  readonly #subscribers = new Map<string, Set<ConnectionSession>>();

  /** How many topics have subscribers. */
  get size(): number {
    return this.#subscribers.size;
  }

  /** The topics that have subscribers. */
  names(): IterableIterator<string> {
    return this.#subscribers.keys();
  }

  /** The subscribers of a topic. */
  get(topic: string): ReadonlySet<ConnectionSession> {
    return this.#subscribers.get(topic) ?? NOBODY;
  }

  join(topic: string, session: ConnectionSession): void {
    if (session.topics === NO_TOPICS) session.topics = new Set();
    (session.topics as Set<string>).add(topic);
    const subscribers = this.#subscribers.get(topic);
    if (subscribers === undefined) {
      this.#subscribers.set(topic, new Set([session]));
      this.observer?.topicAdded(topic);
    } else {
      subscribers.add(session);
    }
  }

  leave(topic: string, session: ConnectionSession): void {
    if (session.topics === NO_TOPICS) return;
    (session.topics as Set<string>).delete(topic);
    const subscribers = this.#subscribers.get(topic);
    if (subscribers?.delete(session) && subscribers.size === 0) {
      this.#subscribers.delete(topic);
      this.observer?.topicRemoved(topic);
    }
  }

  /** A connection is closed. */
  leaveAll(session: ConnectionSession): void {
    for (const topic of session.topics) this.leave(topic, session);
    session.topics = NO_TOPICS;
  }
}
