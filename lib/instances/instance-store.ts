import { BackplaneError } from '../errors/backplane.error.js';
import type { ChannelFollower, HistoryStore } from '../history/history-store.js';
import type { BackplaneHistory, HistoryBounds, HistoryPage, TopicPosition } from '../interfaces/index.js';

/** What the broker remembers, for the servers of this instance (reference 16.1). */
export class InstanceStore implements HistoryStore {
  readonly mayLoseWord = true;
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
    const position: unknown = await this.#reached().append(channel, messages, bounds);
    if (isPosition(position)) return position;
    throw new BackplaneError('history', 'append() of the backplane resolved with no position');
  }

  async read(channel: string, after: number, limit: number, bounds: HistoryBounds): Promise<HistoryPage> {
    const page: unknown = await this.#reached().read(channel, after, limit, bounds);
    if (isPage(page)) return page;
    throw new BackplaneError('history', 'read() of the backplane resolved with no page');
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

/** Whether a backplane of anybody's keeps to its interface. */
function isPosition(value: unknown): value is TopicPosition {
  const { epoch, offset } = Object(value) as Partial<TopicPosition>;
  return typeof epoch === 'string' && Number.isSafeInteger(offset);
}

function isPage(value: unknown): value is HistoryPage {
  const { epoch, newest, oldest, entries } = Object(value) as Partial<HistoryPage>;
  return (
    typeof epoch === 'string' &&
    Number.isSafeInteger(newest) &&
    Number.isSafeInteger(oldest) &&
    Array.isArray(entries)
  );
}
