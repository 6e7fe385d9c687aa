import type {
  HistoryBounds,
  HistoryMessage,
  HistoryQuery,
  SubscribeOptions,
  TopicPosition,
  TopicSubscription,
} from '../interfaces/index.js';
import type { ReadSlots } from './read-slots.js';
import type { SharedMessage } from '../server/message/shared-message.js';
import type { Follower, HistoryStats, TopicHistory } from '../server/topic-history.js';
import { Appender } from './appender.js';
import { CatchUp, type StartingPoint } from './catch-up.js';
import type { HistoryStore } from './history-store.js';
import { PageCache } from './page-cache.js';
import { QuietTopics } from './quiet-topics.js';
import { readHistory } from './history-reader.js';
import { ReplayTurns } from './replay-turns.js';
import { TopicLog, type LogOwner } from './topic-log.js';
import { topicMatcher } from './topic-patterns.js';

/** What a server's history needs to know. */
export interface ServerHistorySettings {
  readonly store: HistoryStore;
  readonly slots: ReadSlots;
  readonly topics: readonly string[];
  readonly bounds: HistoryBounds;
  /** The channel of a topic. */
  readonly channel: (topic: string) => string;
  /** What a message is for `onMessage`. */
  readonly decode: (payload: Buffer, isBinary: boolean) => unknown;
  readonly report: LogOwner['report'];
}

/** The topics of one server that remember (reference 16). */
export class ServerHistory implements TopicHistory, LogOwner {
  readonly store: HistoryStore;
  readonly bounds: HistoryBounds;
  readonly slots: ReadSlots;
  readonly covers: (topic: string) => boolean;
  readonly #settings: ServerHistorySettings;
  readonly #appender: Appender;
  readonly #pages = new PageCache();
  readonly #turns = new ReplayTurns();
  /** The topics that have subscribers here. */
  readonly #logs = new Map<string, TopicLog>();
  readonly #quietTopics = new QuietTopics(this.#logs);

  constructor(settings: ServerHistorySettings) {
    this.#settings = settings;
    this.store = settings.store;
    this.bounds = settings.bounds;
    this.slots = settings.slots;
    this.covers = topicMatcher(settings.topics);
    this.#appender = new Appender(settings.store, settings.bounds, settings.channel, (topic) => {
      const log = this.#logs.get(topic);
      // Its first subscriber does not miss what is published after it came.
      return log === undefined || log.isStarted ? undefined : log.whenStarted();
    });
  }

  report(kind: string, problem: string, cause: unknown): void {
    this.#settings.report(kind, problem, cause);
  }

  topicAdded(topic: string): void {
    this.#logs.set(topic, new TopicLog(topic, this.#settings.channel(topic), this));
    if (this.store.mayLoseWord) this.#quietTopics.start();
  }

  topicRemoved(topic: string): void {
    this.#logs.get(topic)?.close();
    this.#logs.delete(topic);
    if (this.#logs.size === 0) this.#quietTopics.stop();
  }

  follow(
    topic: string,
    follower: Follower,
    options: SubscribeOptions | undefined,
  ): Promise<TopicSubscription | undefined> {
    const log = this.#logs.get(topic)!;
    const known = log.followers.get(follower);
    if (known !== undefined && options === undefined) return known.run();
    const catchUp = new CatchUp(
      follower,
      log,
      this.#pages,
      this.#turns,
      startingPoint(log, follower, options, this.bounds),
    );
    known?.cancel(catchUp);
    log.members.delete(follower);
    log.followers.set(follower, catchUp);
    return catchUp.run();
  }

  unfollow(topic: string, follower: Follower): void {
    const log = this.#logs.get(topic);
    log?.followers.get(follower)?.cancel();
    log?.followers.delete(follower);
    log?.members.delete(follower);
    follower.resuming?.left(topic);
  }

  async publish(topic: string, message: SharedMessage, except: readonly number[]): Promise<TopicPosition> {
    const position = await this.#appender.append(topic, message, except);
    this.#logs.get(topic)?.expect(position);
    return position;
  }

  read(topic: string, query: HistoryQuery): Promise<HistoryMessage[]> {
    const { store, bounds, decode, channel } = this.#settings;
    return readHistory(
      (after, limit) => this.slots.run(() => store.read(channel(topic), after, limit, bounds)),
      { ...query, limit: Math.min(query.limit ?? bounds.messages, bounds.messages) },
      decode,
    );
  }

  async forget(topic: string): Promise<void> {
    await this.store.forget(this.#settings.channel(topic));
    this.forgotten(topic);
  }

  forgotten(topic: string): void {
    this.#logs.get(topic)?.missed();
  }

  stats(): HistoryStats {
    let messages = 0;
    let lag = 0;
    for (const log of this.#logs.values()) {
      messages += Math.min(log.newest, this.bounds.messages);
      lag += log.newest - log.offset;
    }
    return { topics: this.#logs.size, messages, lag };
  }

  async close(): Promise<void> {
    this.#quietTopics.stop();
    await this.#appender.settled();
    for (const log of this.#logs.values()) log.close();
    this.#logs.clear();
  }
}

/** Where a connection begins; undefined if it wants nothing of the past. */
function startingPoint(
  { topic }: TopicLog,
  { resuming }: Follower,
  { since, last }: SubscribeOptions = {},
  { messages }: HistoryBounds,
): StartingPoint | undefined {
  const asked = since ?? (last === undefined ? undefined : Math.min(last, messages));
  // What a client brought is more exact than what the application can know of it.
  const brought = resuming?.take(topic);
  if (brought !== undefined) return { from: brought, brought: true, otherwise: asked };
  return asked === undefined ? undefined : { from: asked, brought: false, otherwise: undefined };
}
