import type { Type } from '@nestjs/common';
import { ContextIdFactory, type ContextId } from '@nestjs/core';
import { InvalidHandlerError } from '../errors/invalid-handler.error.js';
import type { HandshakeRequest } from '../interfaces/index.js';
import type { BoundHandler, ConnectionHooks, HandlerSource } from '../server/hooks.js';
import type { WebSocketConnection } from '../server/web-socket-connection.js';
import { decoratesInstances, INJECTED_PROPERTIES } from './pipeline/nest-metadata.js';
import { HOOK_NAMES } from './hook-methods.js';
import { rememberConnection } from './connection.provider.js';
import { moduleRefOf, type ProviderWrapper } from './provider-explorer.js';

/** One handler for all connections: an object that `onConnection` returned, or `Scope.DEFAULT` (reference 9.2). */
export class SharedHandlerSource implements HandlerSource {
  readonly #bound: BoundHandler;

  constructor(handler: object, hooks: ConnectionHooks) {
    this.#bound = { handler, hooks };
  }

  bind(): BoundHandler {
    return this.#bound;
  }
}

/**
 * A new handler for each connection (reference 9.1). Nest makes it in a context that lives as long as the connection, and so
 * do its request-scoped dependencies and enhancers. If there are none of these, all it depends on exists already: then
 * that is looked up once, and a connection costs no more than `new`.
 */
export class ConnectionHandlerSource implements HandlerSource {
  readonly #wrapper: ProviderWrapper;
  readonly #hooks: (contextId: ContextId) => ConnectionHooks;
  readonly #sharedHooks: ConnectionHooks | undefined;
  #recipe: HandlerRecipe | null | undefined;
  #isChecked = false;

  /** @param hooksIn makes the hooks for a context */
  constructor(wrapper: ProviderWrapper, hooksIn: (contextId?: ContextId) => ConnectionHooks) {
    this.#wrapper = wrapper;
    // Made once, unless an enhancer lives in the context too.
    const shared = hasScopedEnhancers(wrapper) ? undefined : hooksIn();
    this.#sharedHooks = shared;
    this.#hooks = shared === undefined ? hooksIn : () => shared;
  }

  bind(connection: WebSocketConnection, request: HandshakeRequest): BoundHandler | Promise<BoundHandler> {
    if (this.#sharedHooks === undefined) return this.#resolve(connection, request);
    if (this.#recipe === undefined) this.#recipe = HandlerRecipe.of(this.#wrapper);
    const recipe = this.#recipe;
    if (!recipe) return this.#resolve(connection, request);
    return this.#checked({ handler: recipe.make(), hooks: this.#sharedHooks });
  }

  async #resolve(connection: WebSocketConnection, { raw }: HandshakeRequest): Promise<BoundHandler> {
    const moduleRef = moduleRefOf(this.#wrapper);
    const contextId = ContextIdFactory.getByRequest(raw);
    moduleRef.registerRequestByContextId(raw, contextId);
    rememberConnection(raw, connection);
    const handler = await moduleRef.resolve<object>(this.#wrapper.token as Type<object>, contextId);
    return this.#checked({ handler, hooks: this.#hooks(contextId) });
  }

  /** Hooks are found on the class before there is an instance: one that is a field would never be called. */
  #checked(bound: BoundHandler): BoundHandler {
    if (this.#isChecked) return bound;
    const field = HOOK_NAMES.find((hook) => Object.hasOwn(bound.handler, hook));
    if (field !== undefined) {
      throw new InvalidHandlerError(
        bound.handler.constructor.name,
        `${field} is a field, which only its instances have; make it a method`,
      );
    }
    this.#isChecked = true;
    return bound;
  }
}

/** How to make a handler whose dependencies all exist. */
class HandlerRecipe {
  private constructor(
    private readonly type: Type<object>,
    private readonly dependencies: readonly unknown[],
    private readonly properties: readonly (readonly [string | symbol, unknown])[],
  ) {}

  /**
   * The recipe of a class; null if something under it is made for a request or for its consumer, or if the application
   * decorates what Nest makes, undefined if Nest has not
   * looked up all its dependencies yet (some of its versions do so for the first instance).
   */
  static of(wrapper: ProviderWrapper): HandlerRecipe | null | undefined {
    if (decoratesInstances(moduleRefOf(wrapper))) return null;
    const type = wrapper.metatype as Type<object>;
    const dependencies = wrapper.getCtorMetadata() ?? [];
    const properties = wrapper.getPropertiesMetadata() ?? [];
    const expected = (Reflect.getMetadata('design:paramtypes', type) as unknown[] | undefined)?.length ?? 0;
    const expectedProperties =
      (Reflect.getMetadata(INJECTED_PROPERTIES, type) as unknown[] | undefined)?.length ?? 0;
    if (dependencies.length !== expected || properties.length !== expectedProperties) return undefined;
    // A dependency that is optional and missing is a hole in the list, which Array.from makes an undefined.
    const all = [...Array.from(dependencies), ...properties.map((property) => property.wrapper)];
    if (!all.every(isMade)) return null;
    return new HandlerRecipe(
      type,
      dependencies.map((dependency) => dependency.instance as unknown),
      properties.map((property) => [property.key, property.wrapper.instance as unknown]),
    );
  }

  make(): object {
    const handler = new this.type(...this.dependencies);
    for (const [key, value] of this.properties) Reflect.set(handler, key, value);
    return handler;
  }
}

/** Whether a dependency exists, once for all. */
function isMade(dependency: ProviderWrapper | undefined): boolean {
  return (
    dependency !== undefined &&
    dependency.isDependencyTreeStatic() &&
    !dependency.isTransient &&
    dependency.instance !== undefined
  );
}

function hasScopedEnhancers(wrapper: ProviderWrapper): boolean {
  return (wrapper.getEnhancersMetadata() ?? []).some((enhancer) => !enhancer.isDependencyTreeStatic());
}
