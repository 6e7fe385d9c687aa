import { Injectable, Scope, type Type } from '@nestjs/common';
import type { ConnectionHandlerOptions } from '../decorators/connection-handler.decorator.js';
import type { ConnectionHooks, HandlerSource } from '../server/hooks.js';
import { describeType } from '../server/message-type.js';
import { plainConnectionHooks } from './connection-hooks.js';
import { ConstructedHandlerSource, ResolvedHandlerSource, SharedHandlerSource } from './handler-sources.js';
import { isMadeByNest, ProviderExplorer, type DecoratedProvider } from './provider-explorer.js';

type ConnectionHandlerProvider = DecoratedProvider<ConnectionHandlerOptions>;

/** Turns what `onConnection` decided into the handlers of connections (SPEC 4.1, 9). */
@Injectable()
export class ConnectionHandlers {
  readonly #sources = new Map<ConnectionHandlerProvider, HandlerSource>();

  constructor(private readonly explorer: ProviderExplorer) {}

  /**
   * Checks all decorated connection handlers.
   *
   * @throws {InvalidHandlerError} for the first that can't serve
   */
  check(): void {
    for (const provider of this.explorer.connectionHandlers()) this.#sourceOf(provider);
  }

  /**
   * Who serves a client.
   *
   * @param decision what `onConnection` returned
   * @param owner the class of that `onConnection`, for an error
   * @param module the owner's module: among several providers of a class its own comes first
   * @returns null if the client is refused
   * @throws {TypeError} for a decision that is none
   */
  source(decision: unknown, owner: string, module?: unknown): HandlerSource | null {
    if (decision === null || decision === undefined) return null;
    if (typeof decision === 'function') return this.#classSource(decision as Type<object>, owner, module);
    if (typeof decision !== 'object') throw invalidDecision(owner, describeType(decision));
    try {
      const hooks = plainConnectionHooks(decision, decision.constructor?.name ?? 'handler');
      return new SharedHandlerSource(decision, hooks);
    } catch (cause) {
      throw invalidDecision(owner, `${describeType(decision)} without onMessage()`, cause);
    }
  }

  #classSource(type: Type<object>, owner: string, module: unknown): HandlerSource {
    const providers = this.explorer.connectionHandlers().filter((provider) => provider.type === type);
    const provider = providers.find(({ wrapper }) => wrapper.host === module) ?? providers[0];
    if (provider === undefined) {
      throw invalidDecision(
        owner,
        `the class ${type.name || 'without a name'}, which no module provides as a @ConnectionHandler(); ` +
          'decorate it and add it to the providers of a module',
      );
    }
    return this.#sourceOf(provider);
  }

  #sourceOf(provider: ConnectionHandlerProvider): HandlerSource {
    let source = this.#sources.get(provider);
    if (source === undefined) {
      source = this.#createSource(provider);
      this.#sources.set(provider, source);
    }
    return source;
  }

  #createSource({ type, wrapper, options }: ConnectionHandlerProvider): HandlerSource {
    if (!isMadeByNest(wrapper) && wrapper.isDependencyTreeStatic()) {
      // A value or a factory's product in the place of the class, as tests have it.
      const handler = wrapper.instance as object;
      return new SharedHandlerSource(handler, this.#hooks(handler, type));
    }
    const hooks = this.#hooks((wrapper.metatype ?? type).prototype as object, type);
    if (options.scope === Scope.DEFAULT && wrapper.isDependencyTreeStatic()) {
      return new SharedHandlerSource(wrapper.instance as object, hooks);
    }
    return ConstructedHandlerSource.suits(wrapper)
      ? new ConstructedHandlerSource(wrapper, hooks)
      : new ResolvedHandlerSource(wrapper, hooks);
  }

  #hooks(handler: object, type: Type<object>): ConnectionHooks {
    return plainConnectionHooks(handler, type.name);
  }
}

function invalidDecision(owner: string, what: string, cause?: unknown): TypeError {
  return new TypeError(
    `${owner}.onConnection() must return a @ConnectionHandler() class, an object with onMessage(), or null; ` +
      `it returned ${what}`,
    { cause },
  );
}
