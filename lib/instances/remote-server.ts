import { NOT_REMEMBERED, type TopicHistory } from '../server/topic-history.js';
import type { HistoryMessage, HistoryQuery, TopicPosition } from '../interfaces/index.js';
import type { SharedMessage } from '../server/message/shared-message.js';
import { FailedPublications } from '../server/failed-publications.js';
import type { ConnectionCount } from '../server/other-instances.js';
import type { PublisherBehind } from '../server/server-publisher.js';
import { publishRemembered, historyOf } from '../server/remembered-topics.js';
import { serverChannel } from './channel-names.js';
import { ConnectionCounts } from './connection-counts.js';
import { EntryKind, type Entry } from './envelope.js';
import { ServerMessages, type MessageCarrier } from './server-messages.js';

/** How messages leave, and whether anybody is reached. */
export interface RemoteCarrier extends MessageCarrier {
  readonly available: boolean;
}

/** A server that does not run in this process, for whoever publishes to its clients (reference 16.6). */
export class RemoteServer implements PublisherBehind {
  readonly #owner: RemoteCarrier;
  readonly #name: string;
  readonly #history: TopicHistory | undefined;
  readonly #failedPublications: FailedPublications;
  readonly #messages: ServerMessages;
  readonly #counts = new ConnectionCounts();

  /**
   * @param name what the server is called among the instances: its path
   * @param history of its topics, if they have one
   * @param untold hears of a failure to publish that nobody awaits
   */
  constructor(
    owner: RemoteCarrier,
    name: string,
    history: TopicHistory | undefined,
    untold: (error: unknown) => void,
  ) {
    this.#owner = owner;
    this.#name = name;
    this.#messages = new ServerMessages(owner, name);
    this.#history = history;
    this.#failedPublications = new FailedPublications(untold);
  }

  broadcast(message: SharedMessage, except: ReadonlySet<number>): void {
    this.#messages.broadcast(message, [...except]);
  }

  publish(
    topics: readonly string[],
    message: SharedMessage,
    except: ReadonlySet<number>,
  ): Promise<TopicPosition | undefined> {
    const remembered = publishRemembered(
      this.#history,
      topics,
      message,
      except,
      this.#failedPublications.failed,
    );
    if (remembered !== undefined) return remembered;
    this.#messages.publish(topics, message, [...except]);
    return NOT_REMEMBERED;
  }

  async history(topic: string, query: HistoryQuery): Promise<HistoryMessage[]> {
    return historyOf(this.#history, topic, 'history').read(topic, query);
  }

  async forget(topic: string): Promise<void> {
    await historyOf(this.#history, topic, 'forget').forget(topic);
    this.#messages.forgotten(topic);
  }

  sendTo(id: number, message: SharedMessage): void {
    this.#messages.sendTo(id, message);
  }

  terminateConnection(id: number, code: number | undefined, reason: string | undefined): void {
    this.#messages.terminateConnection(id, code, reason);
  }

  /** Nobody greets who only publishes: those who answer tell how many there are to wait for. */
  async countConnections(timeout: number): Promise<ConnectionCount> {
    if (!this.#owner.available) return { connections: 0, instances: 0 };
    return this.#counts.collect(timeout, (call) =>
      this.#owner.say(serverChannel(this.#name), [EntryKind.COUNT, call]),
    );
  }

  /** An entry for this server, which came on the channel of the instance. */
  receiveOwn(entry: Entry, sender: number): void {
    if (entry[0] === EntryKind.COUNTED) this.#counts.answer(entry[2], sender, entry[3], entry[4]);
  }
}
