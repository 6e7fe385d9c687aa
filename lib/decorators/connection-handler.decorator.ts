import type { AnyContract } from '../contract/contract.js';
import { applyDecorators, Injectable, Scope, SetMetadata } from '@nestjs/common';
import type {
  ServerOptions,
  WSErrorEvent,
  WSMessageEvent,
  WSOpenEvent,
  WSRefreshEvent,
  WSResumeEvent,
  WSTerminateEvent,
} from '../interfaces/index.js';
import { ENTRY_PROVIDER } from './entry-provider.js';
import type { WebSocketConnection } from '../server/web-socket-connection.js';

/**
 * The hooks of a connection handler (reference 5). A class whose hooks are marked by decorators has other method names, and
 * need not implement this.
 *
 * @typeParam T what a message's `data` is: `string`, `Buffer` or the parsed JSON, by the server's `dataType`
 */
export interface ConnectionHandler<T = unknown> {
  /** Once, first; messages wait until it is done. */
  onOpen?(ws: WebSocketConnection, event: WSOpenEvent): unknown;
  /** A client that was connected before has what it missed of its topics with history (reference 16.4). */
  onResume?(ws: WebSocketConnection, event: WSResumeEvent): unknown;
  onRefresh?(ws: WebSocketConnection, event: WSRefreshEvent): unknown;
  /** For each message; what it returns, promises or emits is sent back. */
  onMessage(ws: WebSocketConnection, event: WSMessageEvent<T>): unknown;
  /** A hook failed, a message could not be decoded, the protocol was violated, or the socket failed. */
  onError?(ws: WebSocketConnection, event: WSErrorEvent): unknown;
  /** Once, last, always. */
  onTerminate?(ws: WebSocketConnection, event: WSTerminateEvent): unknown;
}

/** The options of a connection handler; with server options it is a server of its own (reference 1.4). */
export interface ConnectionHandlerOptions extends ServerOptions {
  /**
   * `Scope.DEFAULT` shares one instance among all connections.
   *
   * @default one instance for each connection (reference 9.1)
   */
  scope?: Scope;
  /**
   * The property of a message that holds its kind: `@OnMessage('join')` serves the messages in which it is `'join'`,
   * `@OnMessage()` or `onMessage` the rest. For servers of the `dataType` `'object'`.
   *
   * @default none: one method serves all messages
   */
  discriminator?: string;
  /**
   * What both ends say to each other (reference 17): a method for each of its `receives`, `calls` and `streams` serves, in the place
   * of `onMessage`. The server's `dataType` is `'object'`.
   *
   * @default none
   */
  contract?: AnyContract;
  /** How many calls of one connection may run at once, if there is a contract (reference 17.4). @default 1: in order */
  concurrency?: number;
}

/** The decorated classes of this process that no application has provided, for as long as they are in use. */
const unprovided = new Set<WeakRef<object>>();

/**
 * @internal The decorated classes that no application of this process provides, or provided.
 *
 * @param provided those that one provides now
 */
export function unprovidedConnectionHandlers(provided: ReadonlySet<object>): object[] {
  return Array.from(unprovided).flatMap((reference) => {
    const type = reference.deref();
    if (type !== undefined && !provided.has(type)) return [type];
    unprovided.delete(reference);
    return [];
  });
}

/** @internal */
export const CONNECTION_HANDLER_OPTIONS = '4d-websocket:connection-handler';

/**
 * Makes a class a connection handler: what serves a client that a server handler let in (reference 1.2). The class is
 * injectable; list it among the providers of a module. Nest makes one instance for each connection, so `this` is the
 * connection's own state.
 *
 * With server options, a path for instance, it is a server of its own that accepts every client (reference 1.4).
 */
export function ConnectionHandler(options: ConnectionHandlerOptions = {}): ClassDecorator {
  return applyDecorators(
    Injectable({ scope: options.scope ?? Scope.REQUEST }),
    SetMetadata(CONNECTION_HANDLER_OPTIONS, options),
    SetMetadata(ENTRY_PROVIDER, true),
    (type: object) => void unprovided.add(new WeakRef(type)),
  ) as ClassDecorator;
}
