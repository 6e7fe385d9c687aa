import type { CallOptions } from '../contract/contract.js';
import type { HandshakeRequest, SubscribeOptions, TopicSubscription } from '../interfaces/index.js';
import type { ConnectionSocket } from './socket/connection-socket.js';
import type { Outbox } from './socket/outbox.js';
import { checkTermination, isCloseCode } from '../errors/close-code.js';
import { describeType } from '../foundation/describe-type.js';
import { applicationProtocol } from '../protocol/sub-protocol.js';
import { checkSubscribeOptions } from './topic-queries.js';
import { NOT_REMEMBERED } from './topic-history.js';
import type { WebSocketServer } from './web-socket-server.js';

/** The state of a connection: open, in the closing handshake that either side began, or over (reference 2). */
export type ConnectionStatus = 'Connected' | 'Closing' | 'Closed';

/**
 * What `send` takes: a string, binary data, or an object that JSON can carry (reference 2.1).
 */
export type Sendable = string | ArrayBufferLike | ArrayBufferView | Blob | object;

/** What stands behind a connection: what its face needs of it. */
export interface ConnectionBehind {
  readonly wss: WebSocketServer;
  readonly handler: object;
  readonly request: HandshakeRequest;
  readonly topics: ReadonlySet<string>;
  readonly openedAt: number;
  readonly queuedMessages: number;
  expiresAt: Date | undefined;
  readonly websocket: ConnectionSocket;
  readonly outbox: Outbox;
  subscribe(topic: string, options?: SubscribeOptions): Promise<TopicSubscription | undefined>;
  unsubscribe(topic: string): void;
  call(message: object, options?: CallOptions): Promise<unknown>;
}

const STATUSES = ['Connected', 'Connected', 'Closing', 'Closed'] as const;

/**
 * One client. The package creates it; every hook of the client's connection receives the same object
 * (reference 2).
 *
 * @typeParam Data what the application keeps in {@link WebSocketConnection.data}
 */
export class WebSocketConnection<Data extends object = object> {
  readonly #behind: ConnectionBehind;
  readonly #id: number;

  /** @internal */
  constructor(id: number, behind: ConnectionBehind) {
    this.#id = id;
    this.#behind = behind;
  }

  /**
   * A safe integer, unique among all connections of this process for its lifetime, and with a backplane among those of
   * all instances; never used again.
   */
  get id(): number {
    return this.#id;
  }

  /**
   * An object of the application's own, made when it is first asked for. It is `request.data` of `onConnection`, so what that,
   * or a guard, finds out about the client need not be looked up again.
   */
  get data(): Data {
    return this.#behind.request.data as Data;
  }

  /** The object that serves this connection: the instance whose hooks are called. */
  get handler(): object {
    return this.#behind.handler;
  }

  /** The server that this client connected to. */
  get wss(): WebSocketServer {
    return this.#behind.wss;
  }

  /**
   * When the connection ends: with 4401, after what is under way, and nothing that comes later is served. Undefined for never.
   * A client of ours with a `token` brings a new one in time; `onRefresh` may then set the new date (reference 19.5).
   *
   * @throws {TypeError} for what is neither a date nor undefined
   */
  get expiresAt(): Date | undefined {
    return this.#behind.expiresAt;
  }

  set expiresAt(date: Date | undefined) {
    if (date !== undefined && (!(date instanceof Date) || Number.isNaN(date.getTime()))) {
      throw new TypeError(
        `WebSocketConnection.expiresAt must be a valid Date, or undefined for never, got ${describeType(date)}`,
      );
    }
    this.#behind.expiresAt = date;
  }

  /** The upgrade request that opened the connection; with the new token, when that was replaced. */
  get request(): HandshakeRequest<Data> {
    return this.#behind.request as HandshakeRequest<Data>;
  }

  /** The client's IP address, as in {@link HandshakeRequest.remoteAddress}. */
  get remoteAddress(): string {
    return this.#behind.request.remoteAddress;
  }

  /** `'Connected'`, `'Closing'` once either side began the closing handshake, then `'Closed'`. */
  get status(): ConnectionStatus {
    return STATUSES[this.#behind.websocket.readyState];
  }

  /** The same as in `ws`, for code that was written for its clients: 1 open, 2 closing, 3 closed. */
  get readyState(): 1 | 2 | 3 {
    return this.#behind.websocket.readyState as 1 | 2 | 3;
  }

  /** The sub-protocol chosen from the option `protocols`, or the empty string. */
  get protocol(): string {
    return applicationProtocol(this.#behind.websocket.protocol);
  }

  /** Bytes that `send` accepted and that are not yet handed to the operating system. */
  get bufferedAmount(): number {
    return this.#behind.outbox.bufferedAmount;
  }

  /** When its 101 was out. */
  get openedAt(): Date {
    return new Date(performance.timeOrigin + this.#behind.openedAt);
  }

  /** How many of the client's messages, and of its connection's other hooks, wait for the hook before them. */
  get queuedMessages(): number {
    return this.#behind.queuedMessages;
  }

  /**
   * The topics that this connection subscribed to.
   */
  get topics(): ReadonlySet<string> {
    return this.#behind.topics;
  }

  /**
   * Sends one message: a string as text; a Buffer, ArrayBuffer, view or Blob as binary; any other object
   * as the text of its JSON. Messages leave in the order of the calls, those of one turn of the event loop
   * together at the end of it. Does nothing unless the status is `'Connected'` (reference 2.1, 6.3).
   *
   * Binary data is not copied: change it only after it has left (see {@link drain}).
   *
   * @throws {TypeError} for undefined, null, a function, symbol, number, boolean or bigint, and for an
   * object that JSON can't carry; nothing is sent
   */
  send(message: Sendable): void {
    const { websocket, outbox } = this.#behind;
    if (websocket.readyState !== websocket.OPEN) return;
    // Strings first: they are most of the traffic, and need no look at what kind of object they are.
    if (typeof message === 'string') outbox.sendText(message);
    else outbox.send(message);
  }

  /**
   * Asks the client, if the handler has a contract: `await ws.call(chat.confirm({ text }))`. The answer does not wait behind a
   * hook, so a hook may wait for it (reference 17.1, 17.4).
   *
   * @param message one of the contract's `asks`
   * @returns a promise of the answer; it rejects with an `RpcError` if that is an error, with a `SchemaError` if it does not fit
   * its schema, with a `TimeoutError`, with the signal's reason, or with a `ConnectionLostError`
   * @throws {TypeError} (as a rejection) for a message that is none of the contract's asks, and without a contract
   * @throws {RangeError} (as a rejection) for a timeout out of range
   */
  call(message: object, options?: CallOptions): Promise<unknown> {
    return this.#behind.call(message, options);
  }

  /**
   * Starts the closing handshake, after everything sent before. The socket is destroyed if the client has
   * not answered within `closeTimeout`. A second call does nothing (reference 2.2).
   *
   * @param code sent only when 3000 < code ≤ 4999; otherwise the close frame has no status, and the client sees 1005
   * @param message why, for the client: at most 123 bytes of UTF-8; sent only with a code
   * @throws {RangeError} for a code that is no integer or above 4999, and for a longer message; the
   * connection stays open
   * @throws {TypeError} for a message that is no string
   */
  terminate(code?: number, message?: string): void {
    checkTermination('WebSocketConnection.terminate()', code, message);
    const { websocket } = this.#behind;
    if (websocket.readyState !== websocket.OPEN) return;
    if (code !== undefined && isCloseCode(code)) websocket.close(code, message);
    else websocket.close();
  }

  /**
   * Waits until no more than `threshold` bytes are buffered. Resolves from the socket's own write events,
   * without polling.
   *
   * @param threshold bytes @default 0
   * @returns a promise that rejects with an `Error` if the connection closes first
   */
  drain(threshold = 0): Promise<void> {
    return this.#behind.outbox.drain(threshold);
  }

  /**
   * Joins a topic: `wss.publish(topic, …)` reaches this client from now on. Does nothing unless the status is
   * `'Connected'`. The connection leaves its topics when it closes (reference 14.1).
   *
   * Of a topic with history it delivers what is asked for of the past, then goes on live, with no hole and no double between. A
   * client that speaks the sub-protocol, and had the topic on an earlier connection, gets what it missed instead; what is asked
   * for only if its place in the topic is not known any more (reference 16.3, 16.4).
   *
   * @param options what of the past to deliver @default nothing; what it missed, for a client that resumes
   * @returns a promise that resolves when the topic is live, with the position; with undefined for a topic without history, and if
   * the connection closes or leaves the topic before. It never rejects.
   * @throws {TypeError} for a topic that is not a non-empty string, and for options that are none
   * @throws {RangeError} if the connection has as many topics as `maxTopics` allows (reference 19.4)
   */
  subscribe(topic: string, options?: SubscribeOptions): Promise<TopicSubscription | undefined> {
    if (typeof topic !== 'string' || topic === '') {
      throw new TypeError(
        `WebSocketConnection.subscribe(): the topic must be a non-empty string, got ${describeType(topic)}`,
      );
    }
    if (options !== undefined) checkSubscribeOptions('WebSocketConnection.subscribe()', options);
    const { websocket } = this.#behind;
    return websocket.readyState === websocket.OPEN ? this.#behind.subscribe(topic, options) : NOT_REMEMBERED;
  }

  /** Leaves a topic; does nothing if the connection was not in it. */
  unsubscribe(topic: string): void {
    this.#behind.unsubscribe(topic);
  }
}
