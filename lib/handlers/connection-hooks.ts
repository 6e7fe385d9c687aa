import { InvalidHandlerError } from '../errors/invalid-handler.error.js';
import type { WSErrorEvent, WSMessageEvent, WSOpenEvent, WSTerminateEvent } from '../interfaces/index.js';
import type { ConnectionHooks } from '../server/hooks.js';
import type { WebSocketConnection } from '../server/web-socket-connection.js';
import { callHook, findHookMethods, optionalHook } from './hook-methods.js';

function handlerOf(connection: WebSocketConnection): object {
  return connection.handler;
}

/**
 * The hooks of a connection handler as plain calls: a message costs its event object and the call.
 *
 * @param handler an instance, or the prototype of a class
 * @throws {InvalidHandlerError} if it has no `onMessage`
 */
export function plainConnectionHooks(handler: object, name: string): ConnectionHooks {
  const { onMessage, onOpen, onError, onTerminate } = findHookMethods(handler, name);
  if (onMessage === undefined) {
    throw new InvalidHandlerError(
      name,
      'a connection handler needs a method onMessage(), or one marked @OnMessage()',
    );
  }
  return {
    name,
    message: (connection, data) =>
      callHook(connection.handler, onMessage, connection, { type: 'message', data } satisfies WSMessageEvent),
    open: optionalHook(onOpen, handlerOf, (): WSOpenEvent => ({ type: 'open' })),
    error: optionalHook(onError, handlerOf, (errors: WSErrorEvent['errors']): WSErrorEvent => ({
      type: 'error',
      errors,
    })),
    terminate: optionalHook(
      onTerminate,
      handlerOf,
      (code: number, reason: string | undefined): WSTerminateEvent => ({ type: 'terminate', code, reason }),
    ),
  };
}
