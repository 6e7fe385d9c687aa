import { Injectable, type Type } from '@nestjs/common';
import { InvalidHandlerError } from '../errors/invalid-handler.error.js';
import type {
  WSConnectionEvent,
  WSErrorEvent,
  WSOpenEvent,
  WSServerTerminateEvent,
} from '../interfaces/index.js';
import type { HandlerSource, ServerHooks } from '../server/hooks.js';
import { isPromise } from '../server/promise.js';
import type { WebSocketServer } from '../server/web-socket-server.js';
import { ConnectionHandlers } from './connection-handlers.js';
import { callHook, findHookMethods, optionalHook } from './hook-methods.js';

function handlerOf(server: WebSocketServer): object {
  return server.handler;
}

/** Makes the hooks of servers from their handlers. */
@Injectable()
export class ServerHooksFactory {
  constructor(private readonly connectionHandlers: ConnectionHandlers) {}

  /**
   * The hooks of a server handler.
   *
   * @param module the handler's module
   * @throws {InvalidHandlerError} if it has no `onConnection`
   */
  ofHandler(handler: object, name: string, module?: unknown): ServerHooks {
    const { onConnection, onOpen, onError, onTerminate } = findHookMethods(handler, name);
    if (onConnection === undefined) {
      throw new InvalidHandlerError(
        name,
        'a WSSHandler needs a method onConnection(), or one marked @OnConnection()',
      );
    }
    const source = (decision: unknown): HandlerSource | null =>
      this.connectionHandlers.source(decision, name, module);
    return {
      name,
      handler,
      connection: (server, { request }) => {
        const event: WSConnectionEvent = { type: 'connection', request };
        const decision = callHook(handler, onConnection, server, event);
        return isPromise(decision) ? Promise.resolve(decision).then(source) : source(decision);
      },
      open: optionalHook(onOpen, handlerOf, (): WSOpenEvent => ({ type: 'open' })),
      error: optionalHook(onError, handlerOf, (errors: WSErrorEvent['errors']): WSErrorEvent => ({
        type: 'error',
        errors,
      })),
      terminate: optionalHook(onTerminate, handlerOf, (): WSServerTerminateEvent => ({ type: 'terminate' })),
    };
  }

  /** The hooks of a connection handler that is a server of its own: it accepts every client (SPEC 1.4). */
  ofShorthand(type: Type<object>, module: unknown): ServerHooks {
    return this.ofHandler({ onConnection: () => type }, type.name, module);
  }
}
