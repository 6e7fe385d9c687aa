import type {
  HistoryMessage,
  HistoryQuery,
  SubscribeOptions,
  TopicPosition,
  TopicRecovery,
  TopicSubscription,
} from '../interfaces/index.js';
import type { SharedMessage } from './message/shared-message.js';

/** The talk with a client that knows its positions (reference 16.4). */
export interface ResumingClient {
  /** The ids of the client's earlier connections. */
  readonly earlierIds: ReadonlySet<number>;
  /** The position in a topic that the client brought; undefined at the second time of asking. */
  take(topic: string): TopicPosition | undefined;
  /** The client is told where it follows a topic from. */
  follows(topic: string, position: TopicPosition): void;
  /** The client is told what became of the place that it had; what it missed comes after this. */
  resumes(topic: string, position: TopicPosition, recovery: TopicRecovery): void;
  /** What it missed of a topic has been sent. */
  resumed(topic: string): void;
  /** It will not get what it missed of a topic: it left, or the connection closed. */
  abandoned(topic: string): void;
  /** It follows a topic no longer. */
  left(topic: string): void;
}

/** A connection that follows topics with history. */
export interface Follower {
  readonly id: number;
  readonly isOpen: boolean;
  /** Undefined for a client that does not speak the sub-protocol. */
  readonly resuming: ResumingClient | undefined;
  deliver(message: SharedMessage): void;
  /** Resolves when no more than `threshold` bytes wait for the client; rejects if the connection closes first. */
  drain(threshold: number): Promise<void>;
}

/** How the topics with history stand that have subscribers on this instance. */
export interface HistoryStats {
  readonly topics: number;
  /** How many of their messages are remembered, at most: those that were appended, within the bound of `messages`. */
  readonly messages: number;
  /** How many of their messages were appended, as far as is known here, and not delivered here yet. */
  readonly lag: number;
}

/** What a server asks of the history of its topics. */
export interface TopicHistory {
  /** Whether a topic is one with history. */
  covers(topic: string): boolean;
  /** A topic has its first subscriber here. */
  topicAdded(topic: string): void;
  /** A topic has lost its last subscriber here. */
  topicRemoved(topic: string): void;
  /** Resolves with undefined if the connection closes, or leaves the topic, before it is live. Never rejects. */
  follow(
    topic: string,
    follower: Follower,
    options: SubscribeOptions | undefined,
  ): Promise<TopicSubscription | undefined>;
  unfollow(topic: string, follower: Follower): void;
  /** @param except ids of connections that don't receive the message */
  publish(topic: string, message: SharedMessage, except: readonly number[]): Promise<TopicPosition>;
  read(topic: string, query: HistoryQuery): Promise<HistoryMessage[]>;
  forget(topic: string): Promise<void>;
  /** It was forgotten elsewhere: who follows the topic here is told. */
  forgotten(topic: string): void;
  stats(): HistoryStats;
  /** The server is closed; resolves when what was published is with the store, or refused. */
  close(): Promise<void>;
}

/** What is promised of a topic without history: the same promise always, so that it costs nothing. */
export const NOT_REMEMBERED: Promise<undefined> = Promise.resolve(undefined);
