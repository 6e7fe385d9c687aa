import type { ContextId } from '@nestjs/core';
import { InvalidHandlerError } from '../errors/invalid-handler.error.js';
import type {
  TopicRecovery,
  WSErrorEvent,
  HandshakeRequest,
  WSOpenEvent,
  WSRefreshEvent,
  WSResumeEvent,
  WSTerminateEvent,
} from '../interfaces/index.js';
import type { ConnectionHooks } from '../server/hooks.js';
import type { WebSocketConnection } from '../server/web-socket-connection.js';
import { contractHooks, type ContractHandlerClass } from './contract-members.js';
import { findHookMethods, optionalHook } from './hook-methods.js';
import { serveMessages } from './message-server.js';
import type { EnhancerResolver } from './pipeline/enhancer-resolver.js';

/** A connection handler, as its hooks need to know it. */
export interface ConnectionHandlerClass extends Omit<ContractHandlerClass, 'contextId'> {
  readonly discriminator?: string | undefined;
}

/**
 * The hooks of a connection handler, plain or through Nest's enhancers.
 *
 * @param contextId the context of its request-scoped enhancers, if it has any
 * @throws {InvalidHandlerError} if it has no method for messages, or one that no message can reach, or an enhancer that Nest
 * has no instance of
 */
export function connectionHooks(
  handlerClass: ConnectionHandlerClass,
  enhancers: EnhancerResolver,
  contextId?: ContextId,
): ConnectionHooks {
  const { type, handler } = handlerClass;
  const name = type.name || 'handler';
  const methods = findHookMethods(handler, name);
  const { onOpen, onResume, onRefresh, onError, onTerminate } = methods;
  const messages = serveMessages<WebSocketConnection>(
    { ...handlerClass, methods, decorator: 'ConnectionHandler', pattern: ({ wss }) => wss.path, contextId },
    enhancers,
  );
  const contract = contractHooks<WebSocketConnection>({ ...handlerClass, contextId }, methods, enhancers);
  if (messages === undefined && contract === undefined) {
    throw new InvalidHandlerError(
      name,
      'a connection handler needs a method onMessage(), or one marked @OnMessage()',
    );
  }
  return {
    name,
    ...(messages ?? NO_MESSAGES),
    contract,
    open: optionalHook(onOpen, handlerOf, (reconnected: boolean): WSOpenEvent => ({
      type: 'open',
      reconnected,
    })),
    resume: optionalHook(
      onResume,
      handlerOf,
      (topics: Readonly<Record<string, TopicRecovery>>): WSResumeEvent => ({ type: 'resume', topics }),
    ),
    refresh: optionalHook(onRefresh, handlerOf, (request: HandshakeRequest): WSRefreshEvent => ({
      type: 'refresh',
      request,
    })),
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

/** With a contract, its members serve what comes. */
const NO_MESSAGES: Pick<ConnectionHooks, 'message'> = { message: () => undefined };

function handlerOf(connection: WebSocketConnection): object {
  return connection.handler;
}
