import type { SharedMessage } from './message/shared-message.js';

/** How many clients a server has, on how many instances of the application. */
export interface ConnectionCount {
  /** The open connections of all instances that answered. */
  readonly connections: number;
  /** How many instances answered, this one included. */
  readonly instances: number;
}

/** What a server asks of the instances of the application beside its own (reference 14.2). */
export interface OtherInstances {
  /** Whether they can be reached. */
  readonly available: boolean;
  /** An id that no connection of any instance has or had. */
  nextConnectionId(): number;
  /** @param except ids of connections that don't receive the message */
  broadcast(message: SharedMessage, except: readonly number[]): void;
  /** @param topics one, or several for whose subscribers the message is once */
  publish(topics: readonly string[], message: SharedMessage, except: readonly number[]): void;
  /** What is remembered of a topic was forgotten. */
  forgotten(topic: string): void;
  sendTo(id: number, message: SharedMessage): void;
  terminateConnection(id: number, code: number | undefined, reason: string | undefined): void;
  /** @param timeout how long to wait for those that don't answer, in milliseconds */
  countConnections(timeout: number): Promise<ConnectionCount>;
  /**
   * Asks the same server on them; what it answers is the affair of who asks.
   *
   * @param timeout how long to wait for those that don't answer, in milliseconds
   */
  ask(question: string, timeout: number): Promise<readonly string[]>;
  /** A topic has its first subscriber here. */
  topicAdded(topic: string): void;
  /** A topic has lost its last subscriber here. */
  topicRemoved(topic: string): void;
  /** The server is closed. */
  leave(): void;
}
