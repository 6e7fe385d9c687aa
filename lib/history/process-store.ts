import { BackplaneError } from '../errors/backplane.error.js';
import type { HistoryBounds, HistoryPage, TopicPosition } from '../interfaces/index.js';
import { MemoryHistory } from '../remembered/memory-history.js';
import type { ChannelFollower, HistoryStore } from './history-store.js';

/** Remembers in the memory of this process: for an application without a backplane (reference 16.1). */
export class ProcessStore implements HistoryStore {
  readonly mayLoseWord = false;
  readonly #followers = new Map<string, ChannelFollower>();
  #closed = false;
  readonly #memory = new MemoryHistory((channel, first, messages) =>
    this.#followers.get(channel)?.remembered(first, messages),
  );

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

  /** Forgets all, and remembers nothing any more. */
  close(): void {
    this.#closed = true;
    this.#memory.close();
  }

  #reached(): MemoryHistory {
    if (!this.#closed) return this.#memory;
    throw new BackplaneError('history', 'what this process remembered is gone: the application is closed');
  }
}
