import { Injectable, type Type } from '@nestjs/common';
import type { ContextId } from '@nestjs/core';
import { InvalidHandlerError } from '../errors/invalid-handler.error.js';
import type { WSErrorEvent, WSMessageEvent, WSOpenEvent, WSTerminateEvent } from '../interfaces/index.js';
import type { ConnectionHooks } from '../server/hooks.js';
import type { WebSocketConnection } from '../server/web-socket-connection.js';
import { callHook, findHookMethods, optionalHook, type MethodName } from './hook-methods.js';
import { dispatchByKind, type MessageServer } from './message-dispatch.js';
import { functionOf, type HandlerMethod } from './pipeline/handler-method.js';
import { HandlerExecutionContext } from './pipeline/handler-execution-context.js';
import { MethodPipelines } from './pipeline/method-pipeline.js';
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

/** Makes the hooks of connection handlers, plain or through Nest's enhancers. */
@Injectable()
export class ConnectionHooksFactory {
  constructor(private readonly pipelines: MethodPipelines) {}

  /**
   * The hooks of a connection handler.
   *
   * @param contextId the context of its request-scoped enhancers, if it has any
   * @throws {InvalidHandlerError} if it has no method for messages, or one that no message can reach
   */
  create(handlerClass: ConnectionHandlerClass, contextId?: ContextId): ConnectionHooks {
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
      this.#messageServer(handlerClass, method, contextId);
    const rest = onMessage === undefined ? undefined : server(onMessage);
    const messages =
      discriminator === undefined
        ? rest!
        : dispatchByKind(
            discriminator,
            new Map(Array.from(messageKinds, ([kind, method]) => [kind, server(method)])),
            rest,
          );
    return {
      name,
      message: messages.message,
      filter: messages.filter,
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

  #messageServer(
    { type, wrapper }: ConnectionHandlerClass,
    method: MethodName,
    contextId: ContextId | undefined,
  ): MessageServer {
    const isMethodOfClass = typeof (type.prototype as Record<MethodName, unknown>)[method] === 'function';
    // An object's own function has no metadata, so nothing around it but what is global, which is for providers.
    if (!isMethodOfClass) return { message: plainMessage(method), filter: undefined };
    const handlerMethod: HandlerMethod = { type, method, wrapper, contextId, contextType: 'ws' };
    return {
      message:
        this.#isProvided(handlerMethod) && this.pipelines.needed(handlerMethod)
          ? this.#pipedMessage(handlerMethod)
          : plainMessage(method),
      filter: this.#filter(handlerMethod),
    };
  }

  /** Global enhancers are for providers; those of an object's own class can not be had without Nest. */
  #isProvided(handlerMethod: HandlerMethod): boolean {
    return handlerMethod.wrapper !== undefined || this.pipelines.hasOwnEnhancers(handlerMethod);
  }

  #pipedMessage(handlerMethod: HandlerMethod): ConnectionHooks['message'] {
    const pipeline = this.pipelines.create(handlerMethod, {
      values: MESSAGE_VALUES,
      parameters: ([connection, data]) => [connection, { type: 'message', data } satisfies WSMessageEvent],
      handler: ([connection]) => (connection as WebSocketConnection).handler,
    });
    return (connection, data) => pipeline(connection, data, connection.wss.path);
  }

  #filter(handlerMethod: HandlerMethod): ConnectionHooks['filter'] {
    const filters = this.pipelines.filters(handlerMethod);
    if (filters.empty) return undefined;
    return async (connection, data, failure) => {
      const args = [connection, data, connection.wss.path];
      const host = new HandlerExecutionContext('ws', handlerMethod.type, functionOf(handlerMethod), args);
      if (!(await filters.handle(failure, host))) throw failure;
    };
  }
}

function handlerOf(connection: WebSocketConnection): object {
  return connection.handler;
}

/** A message straight to its method: it costs its event object and the call. */
function plainMessage(method: MethodName): ConnectionHooks['message'] {
  return (connection, data) =>
    callHook(connection.handler, method, connection, { type: 'message', data } satisfies WSMessageEvent);
}
