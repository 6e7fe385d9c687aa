import { applyDecorators, Injectable, SetMetadata, type Type } from '@nestjs/common';
import type {
  ServerOptions,
  WSConnectionEvent,
  WSServerOpenEvent,
  WSServerErrorEvent,
  WSServerTerminateEvent,
} from '../interfaces/index.js';
import { ENTRY_PROVIDER } from './entry-provider.js';
import type { WebSocketServer } from '../server/web-socket-server.js';

/** What `onConnection` decides (reference 4.1): a class for Nest to make, an object as it is, or nobody: HTTP 403. */
export type ConnectionDecision = Type<object> | object | null | undefined;

/**
 * The hooks of a server handler (reference 4). A class whose hooks are marked by decorators has other method names, and
 * need not implement this.
 */
export interface WSSHandler {
  /** Decides about a client, before the 101. An `HttpException` refuses it with its status. */
  onConnection(
    wss: WebSocketServer,
    event: WSConnectionEvent,
  ): ConnectionDecision | Promise<ConnectionDecision>;
  /** The server has started: its HTTP server listens. */
  onOpen?(wss: WebSocketServer, event: WSServerOpenEvent): unknown;
  /** A hook of this handler failed, or the server did. */
  onError?(wss: WebSocketServer, event: WSServerErrorEvent): unknown;
  /** The server is closed; all its connections have ended. */
  onTerminate?(wss: WebSocketServer, event: WSServerTerminateEvent): unknown;
}

/** @internal */
export const WSS_HANDLER_OPTIONS = '4d-websocket:wss-handler';

/**
 * Makes a class the handler of a WebSocket server: its `onConnection` decides about each client (reference 1.2). The class
 * is injectable; list it among the providers of a module.
 *
 * @param options the server's options, or just its path; they override the module's
 */
export function WSSHandler(options: ServerOptions | string = {}): ClassDecorator {
  const serverOptions: ServerOptions = typeof options === 'string' ? { path: options } : options;
  return applyDecorators(
    Injectable(),
    SetMetadata(WSS_HANDLER_OPTIONS, serverOptions),
    SetMetadata(ENTRY_PROVIDER, true),
  ) as ClassDecorator;
}
