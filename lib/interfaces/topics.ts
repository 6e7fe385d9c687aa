import type { TopicPosition } from './history.js';

/** What of the past a subscription asks for; a client that brings its position gets what it missed instead (reference 16.3, 16.4). */
export interface SubscribeOptions {
  /** The last so many messages. */
  last?: number;
  /** All messages after this position. */
  since?: TopicPosition;
}

/** What became of a place in a topic (reference 16.3, 16.4). */
export interface TopicRecovery {
  /** Whether nothing is missing: the history reached back to the position, and it is of the same epoch. */
  readonly recovered: boolean;
  /** How many messages the history no longer had; undefined where that can not be known. */
  readonly lost: number | undefined;
}

/** What a subscription to a topic with history resolves with (reference 16.3). */
export interface TopicSubscription extends TopicRecovery {
  /** Where the past ended, and what is live began. */
  readonly position: TopicPosition;
}

/** Which part of a topic's history is read (reference 16.6). */
export interface HistoryQuery {
  /** The last so many messages. */
  last?: number;
  /** Those after this position. */
  since?: TopicPosition;
  /** Those up to this position, it included. */
  until?: TopicPosition;
  /** How many at most, the oldest first. @default the server's `history.messages` */
  limit?: number;
}

/** A message that is remembered (reference 16.6). */
export interface HistoryMessage<T = unknown> {
  readonly position: TopicPosition;
  /** As `onMessage` would receive it, by the server's `dataType`; undecoded what can not be decoded. */
  readonly data: T;
}
