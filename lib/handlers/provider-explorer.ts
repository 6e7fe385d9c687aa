import { Injectable, type Type } from '@nestjs/common';
import { DiscoveryService, ModuleRef } from '@nestjs/core';
import {
  CONNECTION_HANDLER_OPTIONS,
  type ConnectionHandlerOptions,
} from '../decorators/connection-handler.decorator.js';
import { WEB_SOCKET_CLIENT_OPTIONS, type DeclaredClient } from '../decorators/web-socket-client.decorator.js';
import { WSS_HANDLER_OPTIONS } from '../decorators/wss-handler.decorator.js';
import type { ServerOptions } from '../interfaces/index.js';

/** How Nest keeps a provider. */
export type ProviderWrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** A provider whose class carries one of our decorators. */
export interface DecoratedProvider<Options> {
  /** The decorated class. */
  readonly type: Type<object>;
  readonly options: Options;
  readonly wrapper: ProviderWrapper;
}

/** Finds the decorated providers of all modules (reference 1.1). */
@Injectable()
export class ProviderExplorer {
  #connectionHandlers: readonly DecoratedProvider<ConnectionHandlerOptions>[] | undefined;

  constructor(private readonly discovery: DiscoveryService) {}

  /** The server handlers, in the order of their modules. */
  serverHandlers(): readonly DecoratedProvider<ServerOptions>[] {
    return this.#find<ServerOptions>(WSS_HANDLER_OPTIONS);
  }

  /** The connection handlers, in the order of their modules. */
  connectionHandlers(): readonly DecoratedProvider<ConnectionHandlerOptions>[] {
    this.#connectionHandlers ??= this.#find<ConnectionHandlerOptions>(CONNECTION_HANDLER_OPTIONS);
    return this.#connectionHandlers;
  }

  /** The clients, in the order of their modules. */
  clients(): readonly DecoratedProvider<DeclaredClient>[] {
    return this.#find<DeclaredClient>(WEB_SOCKET_CLIENT_OPTIONS);
  }

  /** All providers of a class, decorated or not. */
  providersOf(type: Type<object>): ProviderWrapper[] {
    return this.discovery
      .getProviders()
      .filter((wrapper) => !wrapper.isAlias && typeOf(wrapper).includes(type));
  }

  #find<Options>(key: string): DecoratedProvider<Options>[] {
    const found = this.discovery.getProviders().flatMap((wrapper) => {
      if (wrapper.isAlias) return [];
      const type = typeOf(wrapper).find((candidate) => Reflect.hasMetadata(key, candidate));
      return type === undefined
        ? []
        : [{ type, wrapper, options: Reflect.getMetadata(key, type) as Options }];
    });
    return found.filter((provider) => !isAnotherName(provider, found));
  }
}

/** Whether a factory or a value gives, under another token, what another provider is. */
function isAnotherName(
  provider: DecoratedProvider<unknown>,
  all: readonly DecoratedProvider<unknown>[],
): boolean {
  const { wrapper } = provider;
  const instance: unknown = wrapper.isDependencyTreeStatic() ? wrapper.instance : undefined;
  if (isMadeByNest(wrapper) || instance === undefined) return false;
  const first = all.find(({ wrapper: other }) => other.instance === instance && isMadeByNest(other));
  return (first ?? all.find(({ wrapper: other }) => other.instance === instance)) !== provider;
}

/** The reference of the module that a provider belongs to. */
export function moduleRefOf({ host }: ProviderWrapper): ModuleRef {
  return host!.providers.get(ModuleRef)!.instance as ModuleRef;
}

/** Whether the provider's class is made by Nest; a value and a factory's product are not. */
export function isMadeByNest(wrapper: ProviderWrapper): boolean {
  return !wrapper.isNotMetatype && !wrapper.isFactory;
}

/**
 * The classes that a provider may stand for: its token first, since an overridden provider (in tests) keeps its token,
 * then the class Nest makes, or that of the value.
 */
function typeOf(wrapper: ProviderWrapper): Type<object>[] {
  const made: unknown = isMadeByNest(wrapper)
    ? wrapper.metatype
    : (wrapper.instance as object | undefined)?.constructor;
  return [wrapper.token, made].filter((type): type is Type<object> => typeof type === 'function');
}
