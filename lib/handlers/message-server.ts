import type { Type } from '@nestjs/common';
import type { ContextId } from '@nestjs/core';
import { InvalidHandlerError } from '../errors/invalid-handler.error.js';
import type { WSMessageEvent } from '../interfaces/index.js';
import { callHook, type HookMethods, type MethodName } from './hook-methods.js';
import { dispatchByKind, type MessageServer } from './message-dispatch.js';
import type { HandlerMethod } from './pipeline/handler-method.js';
import type { EnhancerResolver } from './pipeline/enhancer-resolver.js';
import { MethodPipeline, type PipelineTarget } from './pipeline/method-pipeline.js';
import { MESSAGE_VALUES } from './pipeline/parameter-values.js';
import type { ProviderWrapper } from './provider-explorer.js';

/** Whose messages are served: a connection of a server's, or a client. */
interface MessageSubject {
  readonly handler: object;
}

/** A class whose methods serve messages. */
export interface MessageHandlerClass<S> {
  readonly type: Type<object>;
  /** An instance, or the prototype of the class: where the methods are. */
  readonly handler: object;
  readonly methods: HookMethods;
  readonly discriminator?: string | undefined;
  readonly wrapper?: ProviderWrapper | undefined;
  /** The context of its request-scoped enhancers, if it has any. */
  readonly contextId?: ContextId | undefined;
  /** The decorator that takes the discriminator, for an error. */
  readonly decorator: string;
  /** What guards and their like see as the pattern. */
  readonly pattern: (subject: S) => string | undefined;
}

/**
 * What serves the messages of a handler, plain or through Nest's enhancers (reference 11.2); undefined if no method does.
 *
 * @throws {InvalidHandlerError} if it has a method that no message can reach, or an enhancer that Nest has no instance of
 */
export function serveMessages<S extends MessageSubject>(
  handlerClass: MessageHandlerClass<S>,
  enhancers: EnhancerResolver,
): MessageServer<S> | undefined {
  const { type, methods, discriminator, decorator } = handlerClass;
  const { onMessage, messageKinds } = methods;
  if (messageKinds.size > 0 && discriminator === undefined) {
    const [kind] = messageKinds.keys();
    throw new InvalidHandlerError(
      type.name || 'handler',
      `@OnMessage('${kind}') needs to know which property of a message holds its kind; ` +
        `set it in @${decorator}({ discriminator: 'type' })`,
    );
  }
  if (onMessage === undefined && messageKinds.size === 0) return undefined;
  const server = (method: MethodName): MessageServer<S> => methodServer(handlerClass, method, enhancers);
  const rest = onMessage === undefined ? undefined : server(onMessage);
  if (discriminator === undefined) return rest;
  const kinds = Array.from(messageKinds, ([kind, method]) => [kind, server(method)] as const);
  return dispatchByKind(discriminator, new Map(kinds), rest);
}

function methodServer<S extends MessageSubject>(
  { type, handler, wrapper, contextId, pattern }: MessageHandlerClass<S>,
  method: MethodName,
  enhancers: EnhancerResolver,
): MessageServer<S> {
  const handlerMethod: HandlerMethod = { type, method, handler, wrapper, contextId, contextType: 'ws' };
  const pipeline = new MethodPipeline(handlerMethod, MESSAGE_TARGET, enhancers);
  return {
    message: pipeline.isPlain
      ? plainMessage(method)
      : (subject, data, isBinary) => pipeline.call([subject, data, pattern(subject), isBinary]),
    filter: pipeline.hasFilters
      ? (subject, data, failure) => pipeline.filter(failure, [subject, data, pattern(subject), false])
      : undefined,
  };
}

/** What guards and their like see of a message: client, data, pattern; and what the event says beside. */
type MessageCall = [subject: MessageSubject, data: unknown, pattern: string | undefined, isBinary: boolean];

const MESSAGE_TARGET: PipelineTarget = {
  values: MESSAGE_VALUES,
  parameters: (args) => {
    const [subject, data, , isBinary] = args as MessageCall;
    return [subject, { type: 'message', data, isBinary } satisfies WSMessageEvent];
  },
  handler: (args) => (args as MessageCall)[0].handler,
};

/** A message straight to its method: it costs its event object and the call. */
function plainMessage<S extends MessageSubject>(method: MethodName): MessageServer<S>['message'] {
  return (subject, data, isBinary) =>
    callHook(subject.handler, method, subject, { type: 'message', data, isBinary } satisfies WSMessageEvent);
}
