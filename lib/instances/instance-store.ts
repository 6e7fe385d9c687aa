import { BackplaneError } from '../errors/backplane.error.js';
import type { ChannelFollower, HistoryStore } from '../history/history-store.js';
import type { BackplaneHistory, HistoryBounds, HistoryPage, TopicPosition } from '../interfaces/index.js';

/** What the broker remembers, for the servers of this instance (reference 16.1). */
export class InstanceStore implements HistoryStore {
  readonly #followers = new Map<string, ChannelFollower>();
  readonly #history: () => BackplaneHistory | undefined;
  readonly #reason: () => string;

  /**
   * @param history of the backplane, while its broker can be asked
   * @param reason why it can not
   */
  constructor(history: () => BackplaneHistory | undefined, reason: () => string) {
    this.#history = history;
    this.#reason = reason;
  }

  async append(
    channel: string,
    messages: readonly Uint8Array[],
    bounds: HistoryBounds,
  ): Promise<TopicPosition> {
    return this.#reached().append(channel, messages, bounds);
  }

  async read(channel: string, after: number, limit: number, bounds: HistoryBounds): Promise<HistoryPage> {
    return this.#reached().read(channel, after, limit, bounds);
  }

  async forget(channel: string, epoch?: string): Promise<void> {
    return this.#reached().forget(channel, epoch);
  }

  follow(channel: string, follower: ChannelFollower): void {
    this.#followers.set(channel, follower);
  }

  unfollow(channel: string): void {
    this.#followers.delete(channel);
  }

  remembered(channel: string, first: TopicPosition, messages: readonly Uint8Array[]): void {
    this.#followers.get(channel)?.remembered(first, messages);
  }

  /** Some of what was appended to these channels may not have been told. */
  missed(channels: Iterable<string> = this.#followers.keys()): void {
    for (const channel of channels) this.#followers.get(channel)?.missed();
  }

  #reached(): BackplaneHistory {
    const history = this.#history();
    if (history !== undefined) return history;
    throw new BackplaneError('history', `what it remembers can not be reached: ${this.#reason()}`);
  }
}
