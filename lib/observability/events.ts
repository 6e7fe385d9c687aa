import type { IncomingMessage } from 'node:http';
import type { WSError } from '../interfaces/index.js';

/*
 * What is published on the diagnostics channels (reference 18.1). The room of the servers fills in what a server and a connection
 * are: these types stand below it.
 */

/**
 * How a handshake ended: `accepted` with a 101; `refused` by the application (`onConnection`, a guard, a middleware that answered);
 * `failed`, because the application threw or took too long, or its client went away; `rejected` before the application was asked.
 */
export type HandshakeOutcome = 'accepted' | 'refused' | 'failed' | 'rejected';

/** A handshake (tracing channel `nestjs-4d-websocket:handshake`): from the upgrade request to the answer. */
export interface HandshakeContext<Server, Connection> {
  /** Undefined for a request that no server has the path of. */
  readonly server: Server | undefined;
  readonly request: IncomingMessage;
  /** There from `asyncStart` on, as are the members that follow. */
  outcome?: HandshakeOutcome;
  /** The HTTP status of the answer; 101 for a client that was let in, undefined for one that went away. */
  status?: number;
  /** Why it was not let in, for people. */
  reason?: string;
  /** The client that was let in. */
  connection?: Connection;
  /** What the application threw. */
  error?: unknown;
  /** Milliseconds. */
  duration?: number;
}

/** The hooks of handlers (reference 4, 5). */
export type HookName = 'onOpen' | 'onMessage' | 'onResume' | 'onRefresh' | 'onError' | 'onTerminate';

/** A hook at work (tracing channel `nestjs-4d-websocket:hook`), with the sending of what it returned. */
export interface HookContext<Server, Connection> {
  readonly server: Server;
  /** Undefined for a hook of the server's own handler. */
  readonly connection: Connection | undefined;
  readonly hook: HookName;
  /** The member of the contract that `onMessage` stands for. */
  readonly member?: string;
  /** The message, decoded. */
  readonly data?: unknown;
  /** What it threw, or rejected with; there from the event `error` on. */
  error?: unknown;
  /** Milliseconds; there from `asyncStart` on. */
  duration?: number;
}

/** A client is in (`nestjs-4d-websocket:connection:open`): its 101 is out. Its handler may still be in the making. */
export interface ConnectionOpenEvent<Server, Connection> {
  readonly server: Server;
  readonly connection: Connection;
}

/** A client is gone (`nestjs-4d-websocket:connection:close`); `onTerminate` is still to come. */
export interface ConnectionCloseEvent<Server, Connection> {
  readonly server: Server;
  readonly connection: Connection;
  /** The close code: 1005 if the close frame had none, 1006 if there was no close frame (RFC 6455, section 7.1.5). */
  readonly code: number;
  readonly reason: string;
  /** How long it was open, in milliseconds. */
  readonly duration: number;
}

/** A message came (`nestjs-4d-websocket:message:received`), or `send` and the like took one (`nestjs-4d-websocket:message:sent`). */
export interface MessageEvent<Server, Connection> {
  readonly server: Server;
  readonly connection: Connection;
  /** What the message is made of: a Buffer may be a text's UTF-8. Not to be changed, and not to be kept without a copy. */
  readonly data: string | Buffer | Blob;
  readonly isBinary: boolean;
  /** Of the message alone: without frames and header lines, before compression. */
  readonly bytes: number;
}

/** Something failed (`nestjs-4d-websocket:error`), whether an `onError` hears of it or the log. */
export interface ErrorEvent<Server, Connection> {
  readonly server: Server;
  /** Undefined for what is no connection's: handshakes, the backplane, hooks of the server's handler. */
  readonly connection: Connection | undefined;
  /** The failure, then its causes, as in `onError`. */
  readonly errors: readonly [WSError, ...WSError[]];
}

/** What a server's options keep clients from (reference 8, 19). */
export type LimitName = 'handshakeRate' | 'maxConnections' | 'maxTopics' | 'messageRate';

/** A client came to a limit (`nestjs-4d-websocket:limit`): what happens then is said by the option. */
export interface LimitEvent<Server, Connection> {
  readonly server: Server;
  /** Undefined for a handshake. */
  readonly connection: Connection | undefined;
  readonly limit: LimitName;
}

/** A connection joined a topic (`nestjs-4d-websocket:topic:subscribe`), or left it (`nestjs-4d-websocket:topic:unsubscribe`). */
export interface TopicEvent<Server, Connection> {
  readonly server: Server;
  readonly connection: Connection;
  readonly topic: string;
}

/** A message for many (`nestjs-4d-websocket:publish`): `publish` on this instance, or `broadcast`. */
export interface PublishEvent<Server> {
  readonly server: Server;
  /** Undefined for a broadcast. */
  readonly topics: readonly string[] | undefined;
  readonly data: string | Buffer | Blob;
  readonly isBinary: boolean;
}

/** The backplane is away, or back (`nestjs-4d-websocket:backplane`). */
export interface BackplaneEvent {
  /** The object in the module's option `backplane`. */
  readonly backplane: object;
  readonly available: boolean;
  /** Why it is away. */
  readonly error?: Error;
}

/** What is published on which channel. */
export interface ChannelEvents<Server, Connection> {
  'nestjs-4d-websocket:connection:open': ConnectionOpenEvent<Server, Connection>;
  'nestjs-4d-websocket:connection:close': ConnectionCloseEvent<Server, Connection>;
  'nestjs-4d-websocket:message:received': MessageEvent<Server, Connection>;
  'nestjs-4d-websocket:message:sent': MessageEvent<Server, Connection>;
  'nestjs-4d-websocket:limit': LimitEvent<Server, Connection>;
  'nestjs-4d-websocket:error': ErrorEvent<Server, Connection>;
  'nestjs-4d-websocket:topic:subscribe': TopicEvent<Server, Connection>;
  'nestjs-4d-websocket:topic:unsubscribe': TopicEvent<Server, Connection>;
  'nestjs-4d-websocket:publish': PublishEvent<Server>;
  'nestjs-4d-websocket:backplane': BackplaneEvent;
}

/** What is traced on which tracing channel. */
export interface TracingContexts<Server, Connection> {
  'nestjs-4d-websocket:handshake': HandshakeContext<Server, Connection>;
  'nestjs-4d-websocket:hook': HookContext<Server, Connection>;
}
