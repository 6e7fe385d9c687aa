import { checkTermination } from '../errors/close-code.js';
import { describeType } from '../foundation/describe-type.js';
import type { HistoryMessage, HistoryQuery, TopicPosition } from '../interfaces/index.js';
import { SharedMessage } from './message/shared-message.js';
import type { ConnectionCount } from './other-instances.js';
import { checkHistoryQuery } from './topic-queries.js';
import { WebSocketConnection, type Sendable } from './web-socket-connection.js';

/** Whom a message to many leaves out. */
export interface PublishOptions {
  /**
   * One connection or several that do not receive the message; those of other instances by their ids. Of a topic with history,
   * neither does the client when it comes back (reference 16.4).
   *
   * @default nobody is left out
   */
  except?: WebSocketConnection | number | Iterable<WebSocketConnection | number>;
}

/** How connections are counted. */
export interface CountOptions {
  /** How long to wait for instances that don't answer, in milliseconds. @default 1000 */
  timeout?: number;
}

/** What stands behind a server of this instance or another: ids left out are those of connections. */
export interface PublisherBehind {
  broadcast(message: SharedMessage, except: ReadonlySet<number>): void;
  publish(
    topics: readonly string[],
    message: SharedMessage,
    except: ReadonlySet<number>,
  ): Promise<TopicPosition | undefined>;
  history(topic: string, query: HistoryQuery): Promise<HistoryMessage[]>;
  forget(topic: string): Promise<void>;
  sendTo(id: number, message: SharedMessage): void;
  terminateConnection(id: number, code: number | undefined, reason: string | undefined): void;
  /** @param timeout milliseconds */
  countConnections(timeout: number): Promise<ConnectionCount>;
}

const COUNT_TIMEOUT = 1000;
const NOBODY: ReadonlySet<number> = new Set();

/**
 * Reaches the clients of a server, wherever they are (reference 14): a {@link WebSocketServer} is one; `WebSocketPublisher.server` gives
 * one of a server that need not run in this process.
 */
export class ServerPublisher {
  readonly #behind: PublisherBehind;

  /** @internal */
  constructor(behind: PublisherBehind) {
    this.#behind = behind;
  }

  /**
   * Sends a message to every connection, with a backplane to those of all instances; it is encoded once (reference 14.1,
   * 14.2).
   *
   * @throws {TypeError} as {@link WebSocketConnection.send}, and for an `except` that is no connection or id
   */
  broadcast(message: Sendable, options?: PublishOptions): void {
    const shared = SharedMessage.of(message, 'WebSocketServer.broadcast()');
    this.#behind.broadcast(shared, exceptions('broadcast', options?.except));
  }

  /**
   * Sends a message to the connections that subscribed to a topic, with a backplane to those of all instances; it is
   * encoded once, and costs as much as there are subscribers, however many connections there are. Of several topics, a
   * connection that subscribed to more than one receives it once (reference 14.1, 14.2).
   *
   * To a topic with history a message is delivered when the store has it, in the order of the positions on all instances; binary data
   * may be used again when the promise has settled (reference 16.2).
   *
   * @returns a promise of the message's position, undefined for topics without history. It rejects with a `BackplaneError` when it can
   * not be known that the store has the message. If nobody awaits it, that goes to the server handler's `onError`. A message handler that
   * returns it sends the position to its client (reference 5.3).
   * @throws {TypeError} as {@link WebSocketConnection.send}, for a topic that is not a non-empty string, for several topics of
   * which one has a history, and for an `except` that is no connection or id
   */
  publish(
    topic: string | readonly string[],
    message: Sendable,
    options?: PublishOptions,
  ): Promise<TopicPosition | undefined> {
    const topics = Array.isArray(topic) ? (topic as readonly string[]) : [topic as string];
    for (const each of topics) checkTopic(each);
    const shared = SharedMessage.of(message, 'WebSocketServer.publish()');
    return this.#behind.publish(topics, shared, exceptions('publish', options?.except));
  }

  /**
   * Reads what is remembered of a topic, the oldest first (reference 16.6).
   *
   * @param query which part of it @default all
   * @returns a promise that rejects with a `BackplaneError` if the store can not be read
   * @throws {TypeError} for a topic without history, and for a query that is none
   */
  async history(topic: string, query: HistoryQuery = {}): Promise<HistoryMessage[]> {
    checkTopic(topic, 'history');
    checkHistoryQuery('WebSocketServer.history()', query);
    return this.#behind.history(topic, query);
  }

  /**
   * Forgets all that is remembered of a topic; its positions begin anew, in another epoch (reference 16.6). Clients that
   * speak the sub-protocol are told, on all instances.
   *
   * @returns a promise that rejects with a `BackplaneError` if the store can not be reached
   * @throws {TypeError} for a topic without history
   */
  async forget(topic: string): Promise<void> {
    checkTopic(topic, 'forget');
    return this.#behind.forget(topic);
  }

  /**
   * Sends a message to the connection with this id, with a backplane on whatever instance it is (reference 14.2). Does
   * nothing if there is none any more.
   *
   * @throws {TypeError} as {@link WebSocketConnection.send}, and for an id that is no safe integer
   */
  sendTo(id: number, message: Sendable): void {
    checkId('sendTo', id);
    this.#behind.sendTo(id, SharedMessage.of(message, 'WebSocketServer.sendTo()'));
  }

  /**
   * Closes the connection with this id, with a backplane on whatever instance it is, as its
   * {@link WebSocketConnection.terminate} does (reference 14.2). Does nothing if there is none any more.
   *
   * @param code sent only when 3000 < code ≤ 4999
   * @param message why, for the client: at most 123 bytes of UTF-8; sent only with a code
   * @throws {RangeError} as {@link WebSocketConnection.terminate}
   * @throws {TypeError} as {@link WebSocketConnection.terminate}, and for an id that is no safe integer
   */
  terminateConnection(id: number, code?: number, message?: string): void {
    checkId('terminateConnection', id);
    checkTermination('WebSocketServer.terminateConnection()', code, message);
    this.#behind.terminateConnection(id, code, message);
  }

  /**
   * Counts the open connections of all instances (reference 14.2). It takes a round trip through the backplane; instances
   * that don't answer in time are left out, and `instances` tells how many there are that did. Without a backplane, and while
   * it is away, it is this instance alone.
   *
   * @throws {RangeError} for a timeout that is not a number of milliseconds above 0
   */
  async countConnections({ timeout = COUNT_TIMEOUT }: CountOptions = {}): Promise<ConnectionCount> {
    if (typeof timeout !== 'number' || !(timeout > 0)) {
      throw new RangeError(
        `WebSocketServer.countConnections(): the timeout must be milliseconds above 0, got ${String(timeout)}`,
      );
    }
    return this.#behind.countConnections(timeout);
  }
}

function exceptions(method: string, except: PublishOptions['except']): ReadonlySet<number> {
  if (except === undefined) return NOBODY;
  const one = idOf(except);
  if (one !== undefined) return new Set([one]);
  const ids = new Set<number>();
  // A string is iterable, too.
  const several =
    typeof except === 'object' && except !== null && Symbol.iterator in except ? except : [except];
  for (const each of several) {
    const id = idOf(each);
    if (id === undefined) {
      throw new TypeError(
        `WebSocketServer.${method}(): "except" must be a connection, its id, or several of these, got ` +
          `${typeof each === 'number' ? each : describeType(each)}`,
      );
    }
    ids.add(id);
  }
  return ids;
}

/** The id of a connection, or the id itself; undefined for anything else. */
function idOf(value: unknown): number | undefined {
  const id = typeof value === 'object' && value !== null ? (value as { id?: unknown }).id : value;
  return Number.isSafeInteger(id) ? (id as number) : undefined;
}

function checkTopic(topic: unknown, method = 'publish'): void {
  if (typeof topic === 'string' && topic !== '') return;
  throw new TypeError(
    `WebSocketServer.${method}(): the topic must be a non-empty string, got ${describeType(topic)}`,
  );
}

function checkId(method: string, id: unknown): void {
  if (Number.isSafeInteger(id)) return;
  throw new TypeError(
    `WebSocketServer.${method}(): the id must be that of a connection, a safe integer, got ${typeof id === 'number' ? id : describeType(id)}`,
  );
}
