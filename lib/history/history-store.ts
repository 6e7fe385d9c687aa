import type { BackplaneHistory, TopicPosition } from '../interfaces/index.js';

/** Follows one channel of a store. */
export interface ChannelFollower {
  /** Messages were appended: perhaps late, twice, out of order, or after others that nobody tells of. */
  remembered(first: TopicPosition, messages: readonly Uint8Array[]): void;
  /** Something may have been missed: from now on it would be told. */
  missed(): void;
}

/** Where topics are remembered: with a backplane by its broker, without one by this process. */
export interface HistoryStore extends BackplaneHistory {
  /** Whether what it tells may be lost on the way, without a sign. */
  readonly mayLoseWord: boolean;
  /** Tells of what is appended to a channel, and once more when that has begun. */
  follow(channel: string, follower: ChannelFollower): void;
  unfollow(channel: string): void;
}
