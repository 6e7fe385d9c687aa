import type { Type } from '@nestjs/common';
import { ContextIdFactory } from '@nestjs/core';
import type { HandshakeRequest } from '../interfaces/index.js';
import type { BoundHandler, ConnectionHooks, HandlerSource } from '../server/hooks.js';
import type { WebSocketConnection } from '../server/web-socket-connection.js';
import { rememberConnection } from './connection.provider.js';
import { moduleRefOf, type ProviderWrapper } from './provider-explorer.js';

/** One handler for all connections: an object that `onConnection` returned, or `Scope.DEFAULT` (SPEC 9.2). */
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
 * A new handler for each connection, of a class all of whose dependencies exist already: they are looked up once, and
 * a connection costs no more than `new`.
 */
export class ConstructedHandlerSource implements HandlerSource {
  readonly #type: Type<object>;
  readonly #hooks: ConnectionHooks;
  readonly #dependencies: readonly unknown[];
  readonly #properties: readonly (readonly [string | symbol, unknown])[];

  /** Whether a class can be served this way: nothing under it is made for a request or for its consumer. */
  static suits(wrapper: ProviderWrapper): boolean {
    return (
      dependenciesOf(wrapper).every(
        (dependency) =>
          dependency.isDependencyTreeStatic() && !dependency.isTransient && dependency.instance !== undefined,
      ) && (wrapper.getEnhancersMetadata() ?? []).every((enhancer) => enhancer.isDependencyTreeStatic())
    );
  }

  constructor(wrapper: ProviderWrapper, hooks: ConnectionHooks) {
    this.#type = wrapper.metatype as Type<object>;
    this.#hooks = hooks;
    // A dependency that is optional and missing leaves a hole in the list.
    this.#dependencies = Array.from(constructorOf(wrapper), (dependency) => dependency?.instance as unknown);
    this.#properties = propertiesOf(wrapper).map(({ key, wrapper: dependency }) => [
      key,
      dependency.instance as unknown,
    ]);
  }

  bind(): BoundHandler {
    const handler = new this.#type(...this.#dependencies);
    for (const [key, value] of this.#properties) Reflect.set(handler, key, value);
    return { handler, hooks: this.#hooks };
  }
}

/** A new handler for each connection, made by Nest in a context that lives as long as the connection (SPEC 9.1). */
export class ResolvedHandlerSource implements HandlerSource {
  constructor(
    private readonly wrapper: ProviderWrapper,
    private readonly hooks: ConnectionHooks,
  ) {}

  async bind(connection: WebSocketConnection, { raw }: HandshakeRequest): Promise<BoundHandler> {
    const moduleRef = moduleRefOf(this.wrapper);
    const contextId = ContextIdFactory.getByRequest(raw);
    moduleRef.registerRequestByContextId(raw, contextId);
    rememberConnection(raw, connection);
    const handler = await moduleRef.resolve<object>(this.wrapper.token as Type<object>, contextId);
    return { handler, hooks: this.hooks };
  }
}

function constructorOf(wrapper: ProviderWrapper): readonly (ProviderWrapper | undefined)[] {
  return wrapper.getCtorMetadata() ?? [];
}

function propertiesOf(wrapper: ProviderWrapper): ReturnType<ProviderWrapper['getPropertiesMetadata']> {
  return wrapper.getPropertiesMetadata() ?? [];
}

function dependenciesOf(wrapper: ProviderWrapper): ProviderWrapper[] {
  const list = [...constructorOf(wrapper), ...propertiesOf(wrapper).map((property) => property.wrapper)];
  return list.filter((dependency) => dependency !== undefined);
}
