import type { Type } from '@nestjs/common';
import type { ContextId } from '@nestjs/core';
import { InvalidHandlerError } from '../errors/invalid-handler.error.js';
import type { WSErrorEvent, WSMessageEvent, WSOpenEvent, WSTerminateEvent } from '../interfaces/index.js';
import type { ConnectionHooks } from '../server/hooks.js';
import type { WebSocketConnection } from '../server/web-socket-connection.js';
import { callHook, findHookMethods, optionalHook, type MethodName } from './hook-methods.js';
import { dispatchByKind, type MessageServer } from './message-dispatch.js';
import type { HandlerMethod } from './pipeline/handler-method.js';
import type { EnhancerResolver } from './pipeline/enhancer-resolver.js';
import { MethodPipeline, type PipelineTarget } from './pipeline/method-pipeline.js';
import { MESSAGE_VALUES } from './pipeline/parameter-values.js';
import type { ProviderWrapper } from './provider-explorer.js';

/** A connection handler, as its hooks need to know it. */
export interface ConnectionHandlerClass {
  readonly type: Type<object>;
  /** An instance, or the prototype of the class: where the methods are. */
  readonly handler: object;
  readonly discriminator?: string | undefined;
  readonly wrapper?: ProviderWrapper | undefined;
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
  const { type, handler, discriminator } = handlerClass;
  const name = type.name || 'handler';
  const { onMessage, onOpen, onError, onTerminate, messageKinds } = findHookMethods(handler, name);
  if (onMessage === undefined && messageKinds.size === 0) {
    throw new InvalidHandlerError(
      name,
      'a connection handler needs a method onMessage(), or one marked @OnMessage()',
    );
  }
  if (messageKinds.size > 0 && discriminator === undefined) {
    const [kind] = messageKinds.keys();
    throw new InvalidHandlerError(
      name,
      `@OnMessage('${kind}') needs to know which property of a message holds its kind; ` +
        "set it in @ConnectionHandler({ discriminator: 'type' })",
    );
  }
  const server = (method: MethodName): MessageServer =>
    messageServer(handlerClass, method, enhancers, contextId);
  const rest = onMessage === undefined ? undefined : server(onMessage);
  const kinds = Array.from(messageKinds, ([kind, method]) => [kind, server(method)] as const);
  return {
    name,
    ...(discriminator === undefined ? rest! : dispatchByKind(discriminator, new Map(kinds), rest)),
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

function messageServer(
  { type, handler, wrapper }: ConnectionHandlerClass,
  method: MethodName,
  enhancers: EnhancerResolver,
  contextId: ContextId | undefined,
): MessageServer {
  const handlerMethod: HandlerMethod = { type, method, handler, wrapper, contextId, contextType: 'ws' };
  const pipeline = new MethodPipeline(handlerMethod, MESSAGE_TARGET, enhancers);
  return {
    message: pipeline.isPlain
      ? plainMessage(method)
      : (connection, data, isBinary) => pipeline.call(messageArgs(connection, data, isBinary)),
    filter: pipeline.hasFilters
      ? (connection, data, failure) => pipeline.filter(failure, messageArgs(connection, data, false))
      : undefined,
  };
}

/** What guards and their like see of a message: client, data, pattern; and what the event says beside. */
type MessageCall = [
  connection: WebSocketConnection,
  data: unknown,
  pattern: string | undefined,
  isBinary: boolean,
];

function messageArgs(connection: WebSocketConnection, data: unknown, isBinary: boolean): MessageCall {
  return [connection, data, connection.wss.path, isBinary];
}

const MESSAGE_TARGET: PipelineTarget = {
  values: MESSAGE_VALUES,
  parameters: (args) => {
    const [connection, data, , isBinary] = args as MessageCall;
    return [connection, { type: 'message', data, isBinary } satisfies WSMessageEvent];
  },
  handler: (args) => (args as MessageCall)[0].handler,
};

function handlerOf(connection: WebSocketConnection): object {
  return connection.handler;
}

/** A message straight to its method: it costs its event object and the call. */
function plainMessage(method: MethodName): ConnectionHooks['message'] {
  return (connection, data, isBinary) =>
    callHook(connection.handler, method, connection, {
      type: 'message',
      data,
      isBinary,
    } satisfies WSMessageEvent);
}
