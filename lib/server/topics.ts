/** Whoever may subscribe to topics. */
export interface Subscriber {
  topics: ReadonlySet<string>;
}

/** The topics of a subscriber that has none; most have none, and share this. */
export const NO_TOPICS: ReadonlySet<string> = new (class extends Set<string> {
  override add(): never {
    throw new TypeError('WebSocketConnection.topics is read-only; call subscribe(topic)');
  }
})();

const NOBODY: ReadonlySet<never> = new Set();

/** Who wants to know which topics there are. */
export interface TopicObserver {
  /** A topic has its first subscriber. */
  topicAdded(topic: string): void;
  /** A topic has lost its last subscriber. */
  topicRemoved(topic: string): void;
}

/** Who subscribed to what, on one server (reference 14.1). A topic exists while it has subscribers. */
export class Topics<S extends Subscriber> {
  observer: TopicObserver | undefined;
  readonly #subscribers = new Map<string, Set<S>>();

  /** How many topics have subscribers. */
  get size(): number {
    return this.#subscribers.size;
  }

  /** The topics that have subscribers. */
  names(): IterableIterator<string> {
    return this.#subscribers.keys();
  }

  /** The subscribers of a topic. */
  get(topic: string): ReadonlySet<S> {
    return this.#subscribers.get(topic) ?? NOBODY;
  }

  /** The subscribers of any of these topics, each of them once. */
  ofAny(topics: readonly string[]): Iterable<S> {
    // Nearly always it is one topic, whose subscribers are there as they are needed.
    if (topics.length === 1) return this.get(topics[0]!);
    const all = new Set<S>();
    for (const topic of topics) for (const subscriber of this.get(topic)) all.add(subscriber);
    return all;
  }

  join(topic: string, subscriber: S): void {
    if (subscriber.topics === NO_TOPICS) subscriber.topics = new Set();
    (subscriber.topics as Set<string>).add(topic);
    const subscribers = this.#subscribers.get(topic);
    if (subscribers === undefined) {
      this.#subscribers.set(topic, new Set([subscriber]));
      this.observer?.topicAdded(topic);
    } else {
      subscribers.add(subscriber);
    }
  }

  leave(topic: string, subscriber: S): void {
    if (subscriber.topics === NO_TOPICS) return;
    (subscriber.topics as Set<string>).delete(topic);
    const subscribers = this.#subscribers.get(topic);
    if (subscribers?.delete(subscriber) && subscribers.size === 0) {
      this.#subscribers.delete(topic);
      this.observer?.topicRemoved(topic);
    }
  }

  /** A subscriber is gone. */
  leaveAll(subscriber: S): void {
    for (const topic of subscriber.topics) this.leave(topic, subscriber);
    subscriber.topics = NO_TOPICS;
  }
}
