import type { ContextType, Type } from '@nestjs/common';
import type { ContextId } from '@nestjs/core';
import type { MethodName } from '../hook-methods.js';
import type { ProviderWrapper } from '../provider-explorer.js';

/** A hook's method, as Nest's enhancers see it. */
export interface HandlerMethod {
  /** The class whose method it is. */
  readonly type: Type<object>;
  readonly method: MethodName;
  /** An instance, or the prototype of the class: where the method is. An instance may have it as a field. */
  readonly handler: object;
  /** How Nest keeps the class; undefined for the class of an object that `onConnection` made itself. */
  readonly wrapper: ProviderWrapper | undefined;
  readonly contextType: ContextType;
  /** The context of request-scoped enhancers; undefined if there are none. */
  readonly contextId?: ContextId | undefined;
}

/** The function that a handler's method is. */
export function functionOf({ handler, method }: HandlerMethod): (...args: unknown[]) => unknown {
  return (handler as Record<MethodName, (...args: unknown[]) => unknown>)[method]!;
}

/** What a decorator left on the method and its class, the class's first. */
export function metadataOf<T>(key: string, handlerMethod: HandlerMethod): T[] {
  const ofClass = Reflect.getMetadata(key, handlerMethod.type) as T[] | undefined;
  const ofMethod = Reflect.getMetadata(key, functionOf(handlerMethod)) as T[] | undefined;
  return [...(ofClass ?? []), ...(ofMethod ?? [])];
}
