import type {
  AnyContract,
  CallMethods,
  CallOptions,
  ContractClient,
  ContractMessage,
  MessageMethods,
  MessageOf,
  StreamOptions,
} from '../contract/contract.js';
import type { DataType } from '../interfaces/data-type.js';
import { resolveOptions, type ClientOptions, type ClientUrl } from './client-options.js';
import { ClientSession, type ClientStatus } from './client-session.js';
import type {
  ClientDisconnectEvent,
  ClientErrorEvent,
  ClientMessageEvent,
  ClientOpenEvent,
  ClientResumeEvent,
  ClientTerminateEvent,
} from './events.js';
import { HookRunner, type Hooks } from './hook-runner.js';
import type { Transport } from './transport.js';

let lastId = 0;

/**
 * What a client does: an object with hooks, all optional (reference 15.2, 15.3). They run one at a time: each is
 * awaited before the next.
 *
 * @typeParam T what `onMessage` receives: `string`, `Uint8Array` or the parsed JSON, by `dataType`
 * @typeParam C the client's contract, if it has one
 */
export interface ClientHandler<T = unknown, C = undefined> {
  /** How messages are decoded (reference 5.1). @default 'text' */
  readonly dataType?: DataType;
  /** Headers of the handshake; an array for one that comes several times. On Node only. @default none */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Each time a connection opens, before its first message. */
  onOpen?(ws: FourDWebSocket<unknown, C>, event: ClientOpenEvent): unknown;
  /** For each message. */
  onMessage?(ws: FourDWebSocket<unknown, C>, event: ClientMessageEvent<T>): unknown;
  /** What was missed of topics with history has come, as far as it could be had (reference 16.4). */
  onResume?(ws: FourDWebSocket<unknown, C>, event: ClientResumeEvent): unknown;
  /** A hook failed, a message could not be decoded, an attempt or a connection failed. */
  onError?(ws: FourDWebSocket<unknown, C>, event: ClientErrorEvent): unknown;
  /** Each time a connection was lost, or could not be had, and will be tried again. */
  onDisconnect?(ws: FourDWebSocket<unknown, C>, event: ClientDisconnectEvent): unknown;
  /** Once, last, always. */
  onTerminate?(ws: FourDWebSocket<unknown, C>, event: ClientTerminateEvent): unknown;
}

/** A handler whose messages are strings. */
export interface TextClientHandler extends ClientHandler<string> {
  readonly dataType?: 'text';
}

/** A handler whose messages are bytes: on Node a `Buffer`. */
export interface BlobClientHandler extends ClientHandler<Uint8Array> {
  readonly dataType: 'blob';
}

/** A handler whose messages are JSON. */
export interface ObjectClientHandler<T = unknown> extends ClientHandler<T> {
  readonly dataType: 'object';
}

/** A handler whose messages are of the type that its `dataType` makes. */
export type TypedClientHandler<T> = TextClientHandler | BlobClientHandler | ObjectClientHandler<T>;

/**
 * What a client with a contract does: a method for each of its `sends` and `asks`, and hooks (reference 17.1).
 *
 * @typeParam C the contract: `ContractClientHandler<typeof chat>`
 */
export type ContractClientHandler<C> = Omit<ClientHandler<unknown, C>, 'onMessage' | 'dataType'> &
  MessageMethods<C, 'sends', FourDWebSocket<unknown, C>> &
  CallMethods<C, 'asks', FourDWebSocket<unknown, C>>;

/** What a client sends: what its contract says, or any message. */
export type SentBy<C> = C extends AnyContract ? MessageOf<C, 'receives'> : string | object;

/** What a client calls, or streams, by its contract. */
type AskedBy<C, Kind extends 'calls' | 'streams', Result> = C extends AnyContract
  ? MessageOf<C, Kind> & ContractMessage<Kind, string, Result>
  : never;

/**
 * 4D's WebSocket class: a client that stays connected (reference 15).
 *
 * @typeParam T the parsed JSON that `onMessage` receives with `dataType: 'object'`
 * @typeParam C its contract, if it has one
 */
export abstract class FourDWebSocketBase<T = unknown, C = undefined> {
  readonly #session: ClientSession;

  /** @internal Runs the hooks, in order. */
  protected readonly hooks: HookRunner;

  /** The object that has the hooks. */
  readonly handler: TypedClientHandler<T>;

  /** How messages are decoded. */
  readonly dataType: DataType;

  /** The headers of the handshake; undefined if there are none. */
  readonly headers: ClientHandler['headers'];

  /** A positive integer, unique among the clients of this process or page; it stays when the client reconnects. */
  readonly id: number;

  get #contract(): ContractClient {
    const { contract } = this.#session;
    if (contract) return contract;
    throw new TypeError('FourDWebSocket: call() and stream() need the option "contract"');
  }

  /** @internal */
  protected constructor(
    transport: Transport,
    url: ClientUrl,
    handler: TypedClientHandler<T> | ContractClientHandler<C> | undefined,
    options: ClientOptions | undefined,
  ) {
    const resolved = resolveOptions(url, handler, options, transport.checkHeaders);
    this.id = ++lastId;
    this.handler = (handler ?? {}) as TypedClientHandler<T>;
    this.dataType = resolved.dataType;
    this.headers = resolved.headers;
    this.hooks = new HookRunner(this, this.handler as unknown as Hooks);
    this.#session = new ClientSession(resolved, transport, this.hooks);
  }

  /**
   * `'Connecting'` also while a lost connection is tried again, `'Connected'`, `'Closing'` while either side closes
   * the connection, `'Closed'` when there will be no other.
   */
  get status(): ClientStatus {
    return this.#session.status;
  }

  /** The `ws:` or `wss:` URL of the last attempt; empty before the first one. */
  get url(): string {
    return this.#session.url;
  }

  /** The sub-protocol that the server chose from the option `protocols`; empty if it chose none. */
  get protocol(): string {
    return this.#session.protocol;
  }

  /** Bytes accepted by {@link send} and not yet handed to the operating system. */
  get bufferedAmount(): number {
    return this.#session.bufferedAmount;
  }

  /**
   * Sends a message: a string as text, binary data (`ArrayBuffer`, a view of one, `Blob`) as binary, another object as
   * its JSON (reference 2.1). While there is no connection it is kept, and sent when `onOpen` of the next one is over
   * (reference 15.5). On a client that is closing or closed it does nothing. A buffer may be used again when what was
   * sent has left: see {@link drain}.
   *
   * @throws {TypeError} for anything else; nothing is sent
   * @throws {RangeError} if more than `maxBufferedAmount` bytes would wait for a connection; nothing is sent
   */
  send(message: SentBy<C>): void {
    this.#session.send(message);
  }

  /**
   * Calls the server, if the client has a contract: `await ws.call(chat.whoIsHere({}))`. While there is no connection the call
   * waits for one, as {@link send} does (reference 17.1, 17.4).
   *
   * @param message one of the contract's `calls`
   * @returns a promise of the answer; it rejects with an `RpcError` if that is an error, with a `SchemaError` if it does not fit
   * its schema, with a `TimeoutError`, with the signal's reason, or with a `ConnectionLostError`
   * @throws {TypeError} for a message that is none of the contract's calls, and without a contract
   * @throws {RangeError} for a timeout out of range
   */
  call<Result>(message: AskedBy<C, 'calls', Result>, options?: CallOptions): Promise<Result> {
    return this.#contract.call(message, options) as Promise<Result>;
  }

  /**
   * Reads a stream of the server's, if the client has a contract: `for await (const price of ws.stream(chat.prices({ symbol })))`.
   * It begins with the first read; who leaves the loop ends it; who reads slowly slows the server (reference 17.4).
   *
   * @param message one of the contract's `streams`
   * @returns the items; reading fails as {@link call} does
   * @throws {TypeError} for a message that is none of the contract's streams, and without a contract
   */
  stream<Item>(message: AskedBy<C, 'streams', Item>, options?: StreamOptions): AsyncIterableIterator<Item> {
    return this.#contract.stream(message, options) as AsyncIterableIterator<Item>;
  }

  /**
   * Resolves when no more than `threshold` bytes are buffered; rejects if the connection is lost first.
   *
   * @param threshold a whole number of bytes
   * @throws {RangeError} for a negative one
   */
  drain(threshold = 0): Promise<void> {
    return this.#session.drain(threshold);
  }

  /**
   * Ends the client: what was sent while connected is delivered, then the connection is closed, and there will be no
   * other. A second call does nothing.
   *
   * @param code 1000, or from 3000 to 4999. @default 1000
   * @param reason at most 123 bytes of UTF-8
   * @throws {RangeError} for another code, and for a reason that is too long
   * @throws {TypeError} for a code that is no number, a reason that is no string
   */
  terminate(code = 1000, reason = ''): void {
    this.#session.terminate(code, reason);
  }
}

/** The client as hooks see it. */
export type FourDWebSocket<T = unknown, C = undefined> = FourDWebSocketBase<T, C>;
