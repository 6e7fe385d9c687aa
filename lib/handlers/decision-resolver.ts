import { Injectable, Scope, type Type } from '@nestjs/common';
import type { ConnectionHandlerOptions } from '../decorators/connection-handler.decorator.js';
import { InvalidHandlerError } from '../errors/invalid-handler.error.js';
import type { DataType } from '../interfaces/index.js';
import type { HandlerSource } from '../server/hooks.js';
import { describeType } from '../foundation/describe-type.js';
import { checkHandlerOptions } from './connection-handler-options.js';
import { connectionHooks, type ConnectionHandlerClass } from './connection-hooks.js';
import { ConnectionHandlerSource, SharedHandlerSource } from './handler-sources.js';
import { findHookMethods } from './hook-methods.js';
import { EnhancerResolver } from './pipeline/enhancer-resolver.js';
import { isMadeByNest, ProviderExplorer, type DecoratedProvider } from './provider-explorer.js';

type ConnectionHandlerProvider = DecoratedProvider<ConnectionHandlerOptions>;

/** Whose `onConnection` decides. */
export interface Decider {
  /** The name of its class, for errors. */
  readonly name: string;
  /** Its module: among several providers of a class that one's comes first. */
  readonly module: unknown;
  /** The classes that it has returned. */
  readonly sources: Map<Type<object>, HandlerSource>;
}

/** Turns what `onConnection` decided into the handlers of connections (reference 4.1, 9). */
@Injectable()
export class DecisionResolver {
  constructor(
    private readonly explorer: ProviderExplorer,
    private readonly enhancers: EnhancerResolver,
  ) {}

  /**
   * Checks all decorated connection handlers.
   *
   * @throws {InvalidOptionError} for the first with an option that there is none of, or out of range
   * @throws {InvalidHandlerError} for the first that can't serve
   */
  check(): void {
    for (const provider of this.explorer.connectionHandlers()) {
      checkHandlerOptions(provider.options, provider.type.name);
      this.#createSource(provider);
    }
  }

  /**
   * Who serves a client.
   *
   * @param decision what `onConnection` returned
   * @returns null if the client is refused
   * @throws {TypeError} for a decision that is none
   */
  source(decision: unknown, decider: Decider, dataType: DataType): HandlerSource | null {
    if (decision === null || decision === undefined) return null;
    if (typeof decision === 'function') return this.#classSource(decision as Type<object>, decider, dataType);
    if (typeof decision !== 'object') throw invalidDecision(decider, describeType(decision));
    try {
      const type = (decision.constructor ?? Object) as Type<object>;
      return new SharedHandlerSource(decision, connectionHooks({ type, handler: decision }, this.enhancers));
    } catch (cause) {
      throw invalidDecision(
        decider,
        `${describeType(decision)} that can not serve: ${(cause as Error).message}`,
        cause,
      );
    }
  }

  /** Whether a value is what `onConnection` may return: a connection handler's class, an object with hooks, or nothing. */
  isDecision(value: unknown): boolean {
    if (value === null || value === undefined) return true;
    if (typeof value === 'function') return this.#providersOf(value as Type<object>).length > 0;
    return typeof value === 'object' && findHookMethods(value, 'handler').onMessage !== undefined;
  }

  #providersOf(type: Type<object>): ConnectionHandlerProvider[] {
    return this.explorer.connectionHandlers().filter((provider) => provider.type === type);
  }

  #classSource(type: Type<object>, decider: Decider, dataType: DataType): HandlerSource {
    // Most servers return one class, for every client: it is looked up once.
    const known = decider.sources.get(type);
    if (known !== undefined) return known;
    const providers = this.#providersOf(type);
    const provider = providers.find(({ wrapper }) => wrapper.host === decider.module) ?? providers[0];
    if (provider === undefined) {
      throw invalidDecision(
        decider,
        `the class ${type.name || 'without a name'}, which no module provides as a @ConnectionHandler(); ` +
          'decorate it and add it to the providers of a module',
      );
    }
    try {
      const source = this.sourceOf(provider, dataType);
      decider.sources.set(type, source);
      return source;
    } catch (cause) {
      throw invalidDecision(decider, `a class that can not serve: ${(cause as Error).message}`, cause);
    }
  }

  /**
   * The source of a provider's handlers, on a server with this data type.
   *
   * @throws {InvalidHandlerError} if its discriminator is one of other messages, or it can't serve at all
   */
  sourceOf(provider: ConnectionHandlerProvider, dataType: DataType): HandlerSource {
    if (provider.options.discriminator !== undefined && dataType !== 'object') {
      throw new InvalidHandlerError(
        provider.type.name,
        "a discriminator is a property of messages that are objects; set the dataType to 'object'",
      );
    }
    if (provider.options.contract !== undefined && dataType !== 'object') {
      throw new InvalidHandlerError(
        provider.type.name,
        "the messages of a contract are objects; set the dataType of the server that lets its clients in to 'object'",
      );
    }
    return this.#createSource(provider);
  }

  #createSource({
    type,
    wrapper,
    options: { scope, discriminator, contract, concurrency },
  }: ConnectionHandlerProvider): HandlerSource {
    const isMade = isMadeByNest(wrapper);
    const isStatic = wrapper.isDependencyTreeStatic();
    const handlerClass: ConnectionHandlerClass = {
      // A value or a factory's product in the place of the class, as tests have it, is served as it is.
      type: isMade ? ((wrapper.metatype ?? type) as Type<object>) : type,
      handler: isMade
        ? ((wrapper.metatype ?? type).prototype as object)
        : ((wrapper.instance ?? type.prototype) as object),
      discriminator,
      contract,
      concurrency,
      wrapper,
    };
    if (isStatic && (!isMade || scope === Scope.DEFAULT)) {
      return new SharedHandlerSource(
        wrapper.instance as object,
        connectionHooks(handlerClass, this.enhancers),
      );
    }
    return new ConnectionHandlerSource(wrapper, (contextId) =>
      connectionHooks(handlerClass, this.enhancers, contextId),
    );
  }
}

function invalidDecision({ name }: Decider, what: string, cause?: unknown): TypeError {
  return new TypeError(
    `${name}.onConnection() must return a @ConnectionHandler() class, an object with onMessage(), or null; ` +
      `it returned ${what}`,
    { cause },
  );
}
