import type { HandshakeRequest } from '../interfaces/index.js';
import type { HandshakeExchange } from './handshake/handshake-exchange.js';
import type { ErrorList } from '../errors/error-details.js';
import type { TopicRecovery } from '../interfaces/index.js';
import type { ContractHooks } from './rpc/contract-hooks.js';
import type { WebSocketConnection } from './web-socket-connection.js';
import type { WebSocketServer } from './web-socket-server.js';

/**
 * What the server needs from the room above it: the hooks of a connection handler, however they are found and
 * run. All connections of one class may share one object.
 */
export interface ConnectionHooks {
  /** The class or object that is served, for the log. */
  readonly name: string;
  /** Serves a message; what it returns, or promises, is sent back: a value, a stream, or an `InterceptedReply`. */
  readonly message: (connection: WebSocketConnection, data: unknown, isBinary: boolean) => unknown;
  /** Runs the exception filters for a failure of `message`; rethrows (or rejects with) what they leave. */
  filter?: ((connection: WebSocketConnection, data: unknown, failure: unknown) => unknown) | undefined;
  /** What serves the members of its contract, in the place of `message`. */
  readonly contract?: ContractHooks<WebSocketConnection> | undefined;
  /** @param reconnected whether the client was connected before */
  open?(connection: WebSocketConnection, reconnected: boolean): unknown;
  resume?(connection: WebSocketConnection, topics: Readonly<Record<string, TopicRecovery>>): unknown;
  /** @param request the handshake's request with the new token */
  refresh?(connection: WebSocketConnection, request: HandshakeRequest): unknown;
  error?(connection: WebSocketConnection, errors: ErrorList): unknown;
  terminate?(connection: WebSocketConnection, code: number, reason: string | undefined): unknown;
}

/** The object that serves a connection, and its hooks. */
export interface BoundHandler {
  readonly handler: object;
  readonly hooks: ConnectionHooks;
}

/** What `onConnection` decided: who will serve the client. */
export interface HandlerSource {
  /** The handler for one connection, made when its 101 is out. */
  bind(connection: WebSocketConnection, request: HandshakeRequest): BoundHandler | Promise<BoundHandler>;
}

/** The hooks of a server's handler (reference 4). */
export interface ServerHooks {
  readonly name: string;
  readonly handler: object;
  /** Decides about a client; null refuses it. */
  connection(
    server: WebSocketServer,
    exchange: HandshakeExchange,
  ): HandlerSource | null | Promise<HandlerSource | null>;
  /** Asks the guards of `onConnection` again; rejects with what they refuse with, or fail with. */
  readmit?(server: WebSocketServer, exchange: HandshakeExchange): unknown;
  open?(server: WebSocketServer): unknown;
  error?(server: WebSocketServer, errors: ErrorList): unknown;
  terminate?(server: WebSocketServer): unknown;
}
