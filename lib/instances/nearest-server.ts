import type { HistoryMessage, HistoryQuery, TopicPosition } from '../interfaces/index.js';
import type { SharedMessage } from '../server/message/shared-message.js';
import type { ConnectionCount } from '../server/other-instances.js';
import type { PublisherBehind } from '../server/server-publisher.js';

/**
 * A server wherever it runs: here, from when it does, otherwise on other instances (reference 16.6). The one that runs here reaches the
 * others itself.
 */
export class NearestServer implements PublisherBehind {
  readonly #own: () => PublisherBehind | undefined;
  readonly #remote: PublisherBehind;

  constructor(own: () => PublisherBehind | undefined, remote: PublisherBehind) {
    this.#own = own;
    this.#remote = remote;
  }

  broadcast(message: SharedMessage, except: ReadonlySet<number>): void {
    this.#server.broadcast(message, except);
  }

  publish(
    topics: readonly string[],
    message: SharedMessage,
    except: ReadonlySet<number>,
  ): Promise<TopicPosition | undefined> {
    return this.#server.publish(topics, message, except);
  }

  history(topic: string, query: HistoryQuery): Promise<HistoryMessage[]> {
    return this.#server.history(topic, query);
  }

  forget(topic: string): Promise<void> {
    return this.#server.forget(topic);
  }

  sendTo(id: number, message: SharedMessage): void {
    this.#server.sendTo(id, message);
  }

  terminateConnection(id: number, code: number | undefined, reason: string | undefined): void {
    this.#server.terminateConnection(id, code, reason);
  }

  countConnections(timeout: number): Promise<ConnectionCount> {
    return this.#server.countConnections(timeout);
  }

  get #server(): PublisherBehind {
    return this.#own() ?? this.#remote;
  }
}
