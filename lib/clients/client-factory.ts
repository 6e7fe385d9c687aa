import { Inject, Injectable, Optional, type Type } from '@nestjs/common';
import { ContextIdFactory, type ContextId } from '@nestjs/core';
import type {
  DeclaredClient,
  WebSocketClientFactory,
  WebSocketClientOptions,
} from '../decorators/web-socket-client.decorator.js';
import { checkNames } from '../errors/check-names.js';
import { InvalidHandlerError } from '../errors/invalid-handler.error.js';
import { InvalidOptionError } from '../errors/invalid-option.error.js';
import { EnhancerResolver } from '../handlers/pipeline/enhancer-resolver.js';
import {
  isMadeByNest,
  moduleRefOf,
  type DecoratedProvider,
  type ProviderWrapper,
} from '../handlers/provider-explorer.js';
import { bindClientHandler, type BoundClientHandler } from './client-hooks.js';
import { CLIENT_MODULE_OPTIONS_TOKEN, type WebSocketClientModuleOptions } from './client-module-options.js';
import { mergeOptions, OPTION_NAMES, type ServedMessages } from './client-settings.js';

/** The longest time that a timer takes. */
const MAX_TIMEOUT = 2 ** 31 - 1;

/** Finds out what clients are made of: their options, and their handlers (reference 15.7). */
@Injectable()
export class ClientFactory {
  readonly #defaults: WebSocketClientOptions;
  readonly #single: Readonly<Record<string, WebSocketClientOptions>>;
  /** How many milliseconds the end of all clients may take. */
  readonly shutdownTimeout: number;

  constructor(
    @Optional() @Inject(CLIENT_MODULE_OPTIONS_TOKEN) options: WebSocketClientModuleOptions | undefined,
    private readonly enhancers: EnhancerResolver,
  ) {
    const { clients, shutdownTimeout, ...defaults } = options ?? {};
    this.#defaults = defaults;
    this.#single = clients ?? {};
    this.shutdownTimeout = shutdownTimeout ?? 10_000;
  }

  /**
   * Checks the module's options.
   *
   * @param clients the names of the clients that there are
   * @throws {InvalidOptionError} for one that there is none of, or out of range
   */
  checkModuleOptions(clients: ReadonlySet<string>): void {
    const owner = 'WebSocketClientModule';
    const { shutdownTimeout } = this;
    checkNames(this.#defaults, owner, new Set([...OPTION_NAMES, 'clients', 'shutdownTimeout']));
    if (!Number.isInteger(shutdownTimeout) || shutdownTimeout < 1 || shutdownTimeout > MAX_TIMEOUT) {
      throw new InvalidOptionError(
        owner,
        'shutdownTimeout',
        shutdownTimeout,
        `an integer from 1 to ${MAX_TIMEOUT}`,
      );
    }
    checkNames(this.#single, `${owner} (clients)`, clients, { what: 'client' });
  }

  /** The options of a client: the module's, those of its decorator, then the module's for it. */
  async optionsOf(
    type: Type<object>,
    declared: DeclaredClient | undefined,
    wrapper: ProviderWrapper | undefined,
  ): Promise<WebSocketClientOptions> {
    const own =
      declared !== undefined && isFactory(declared) ? await callFactory(declared, type, wrapper!) : declared;
    const single = Object.hasOwn(this.#single, type.name) ? this.#single[type.name] : undefined;
    return mergeOptions(this.#defaults, own, single);
  }

  /** The handler of the client that connects with the application: the provider itself, unless it is made for its context. */
  async provided(
    { type, wrapper }: DecoratedProvider<DeclaredClient>,
    served: ServedMessages,
  ): Promise<BoundClientHandler> {
    if (wrapper.isDependencyTreeStatic() && !wrapper.isTransient) {
      const handler = wrapper.instance as object;
      return bindClientHandler(handler, { type, wrapper, ...served }, this.enhancers);
    }
    return this.#resolve(type, wrapper, served);
  }

  /** A handler of its own for a client (reference 9.1); what is request-scoped lives as long as the client. */
  async own(
    type: Type<object>,
    wrapper: ProviderWrapper,
    served: ServedMessages,
  ): Promise<BoundClientHandler> {
    if (!isMadeByNest(wrapper)) {
      throw new InvalidHandlerError(
        type.name,
        'it is provided with useFactory or useValue, so Nest can not make one for each client; ' +
          'provide the class itself, or give WebSocketClients.open() an object',
      );
    }
    if (!wrapper.isDependencyTreeStatic()) return this.#resolve(type, wrapper, served);
    const handler = await moduleRefOf(wrapper).create(wrapper.metatype as Type<object>);
    return bindClientHandler(handler, { type, wrapper, ...served }, this.enhancers);
  }

  /** An object as it is: Nest knows nothing of it. */
  given(handler: object, served: ServedMessages): BoundClientHandler {
    const type = (handler.constructor ?? Object) as Type<object>;
    return bindClientHandler(handler, { type, ...served }, this.enhancers);
  }

  async #resolve(
    type: Type<object>,
    wrapper: ProviderWrapper,
    served: ServedMessages,
  ): Promise<BoundClientHandler> {
    const contextId: ContextId = ContextIdFactory.create();
    const handler = await moduleRefOf(wrapper).resolve<object>(wrapper.token as Type<object>, contextId);
    return bindClientHandler(handler, { type, wrapper, contextId, ...served }, this.enhancers);
  }
}

function isFactory(declared: DeclaredClient): declared is WebSocketClientFactory {
  return 'useFactory' in declared;
}

/** Calls a factory with what the client's own module can inject: Nest makes an object that has it injected. */
async function callFactory(
  { inject = [], useFactory }: WebSocketClientFactory,
  type: Type<object>,
  wrapper: ProviderWrapper,
): Promise<WebSocketClientOptions> {
  class FactoryCall {
    readonly dependencies: unknown[];
    constructor(...dependencies: unknown[]) {
      this.dependencies = dependencies;
    }
  }
  // For errors: Nest says whose dependency it can't resolve.
  Object.defineProperty(FactoryCall, 'name', { value: `${type.name} (useFactory)` });
  Reflect.defineMetadata(
    'design:paramtypes',
    inject.map(() => Object),
    FactoryCall,
  );
  inject.forEach((dependency, index) => {
    const isOptional = typeof dependency === 'object' && 'token' in dependency;
    Inject(isOptional ? dependency.token : dependency)(FactoryCall, undefined, index);
    if (isOptional && dependency.optional) Optional()(FactoryCall, undefined, index);
  });
  const { dependencies } = await moduleRefOf(wrapper).create(FactoryCall);
  return useFactory(...(dependencies as never[]));
}
