import type { ConnectionSession } from './connection-session.js';

const NOBODY: ReadonlySet<ConnectionSession> = new Set();

/** Who subscribed to what, on one server. A topic exists while it has subscribers. */
export class Topics {
  readonly #subscribers = new Map<string, Set<ConnectionSession>>();

  /** How many topics have subscribers. */
  get size(): number {
    return this.#subscribers.size;
  }

  /** The subscribers of a topic. */
  get(topic: string): ReadonlySet<ConnectionSession> {
    return this.#subscribers.get(topic) ?? NOBODY;
  }

  add(topic: string, session: ConnectionSession): void {
    const subscribers = this.#subscribers.get(topic);
    if (subscribers === undefined) this.#subscribers.set(topic, new Set([session]));
    else subscribers.add(session);
  }

  delete(topic: string, session: ConnectionSession): void {
    const subscribers = this.#subscribers.get(topic);
    if (subscribers?.delete(session) && subscribers.size === 0) this.#subscribers.delete(topic);
  }

  deleteAll(topics: Iterable<string>, session: ConnectionSession): void {
    for (const topic of topics) this.delete(topic, session);
  }
}
