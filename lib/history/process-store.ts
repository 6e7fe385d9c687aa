import type { HistoryBounds, HistoryPage, TopicPosition } from '../interfaces/index.js';
import { MemoryHistory } from '../remembered/memory-history.js';
import type { ChannelFollower, HistoryStore } from './history-store.js';

/** Remembers in the memory of this process: for an application without a backplane (reference 16.1). */
export class ProcessStore implements HistoryStore {
  readonly mayLoseWord = false;
  readonly #followers = new Map<string, ChannelFollower>();
  readonly #memory = new MemoryHistory((channel, first, messages) =>
    this.#followers.get(channel)?.remembered(first, messages),
  );

  append(channel: string, messages: readonly Uint8Array[], bounds: HistoryBounds): Promise<TopicPosition> {
    return this.#memory.append(channel, messages, bounds);
  }

  read(channel: string, after: number, limit: number, bounds: HistoryBounds): Promise<HistoryPage> {
    return this.#memory.read(channel, after, limit, bounds);
  }

  forget(channel: string, epoch?: string): Promise<void> {
    return this.#memory.forget(channel, epoch);
  }

  follow(channel: string, follower: ChannelFollower): void {
    this.#followers.set(channel, follower);
  }

  unfollow(channel: string): void {
    this.#followers.delete(channel);
  }

  /** Forgets all. */
  close(): void {
    this.#memory.close();
  }
}
