import {
  applyDecorators,
  Injectable,
  SetMetadata,
  type InjectionToken,
  type OptionalFactoryDependency,
} from '@nestjs/common';
import type { AnyContract } from '../contract/contract.js';
import type { ClientHandler, ClientOptions, ClientUrl } from '../client/exports.js';
import { ENTRY_PROVIDER } from './entry-provider.js';

/**
 * The hooks of a client (reference 15.3, 15.7), all optional. A class whose hooks are marked by decorators has other
 * method names, and need not implement this.
 *
 * @typeParam T what a message's `data` is: `string`, `Buffer` or the parsed JSON, by the client's `dataType`
 */
export type WebSocketClient<T = unknown> = ClientHandler<T>;

/** The options of a client in Nest (reference 15.7). Those of a client anywhere are in it, with their defaults. */
export interface WebSocketClientOptions extends ClientOptions, Pick<ClientHandler, 'dataType' | 'headers'> {
  /** Where to connect to, or a function that is asked before each attempt. It may come from the module's options. */
  url?: ClientUrl;
  /** Whether it connects with the application; `false` for a class that only `WebSocketClients.open()` uses. @default true */
  connect?: boolean;
  /**
   * The property of a message that holds its kind: `@OnMessage('price')` serves the messages in which it is `'price'`,
   * `@OnMessage()` or `onMessage` the rest. For the `dataType` `'object'`.
   *
   * @default none: one method serves all messages
   */
  discriminator?: string;
  /**
   * What both ends say to each other (reference 17): a method for each of its `sends` and `asks` serves, in the place of
   * `onMessage`. The `dataType` is `'object'`. @default none
   */
  contract?: AnyContract;
}

/** Makes a client's options from providers, as `useFactory` of a provider does (reference 15.7). */
export interface WebSocketClientFactory {
  /** What the factory is called with: providers that the client's module can inject. @default none */
  inject?: readonly (InjectionToken | OptionalFactoryDependency)[];
  /** Called once, at start-up. */
  // Dependencies are of whatever types their tokens stand for, as in Nest's own FactoryProvider.
  useFactory(...dependencies: never[]): WebSocketClientOptions | Promise<WebSocketClientOptions>;
}

/** What a class was decorated with. */
export type DeclaredClient = WebSocketClientOptions | WebSocketClientFactory;

/** @internal The token of something that only an application has whose clients are connected: WebSocketClientModule. */
export const CLIENTS_CONNECTED = Symbol('4d-websocket:clients-connected');

/** @internal */
export const WEB_SOCKET_CLIENT_OPTIONS = '4d-websocket:web-socket-client';

/**
 * Makes a class the handler of a client, which connects when the application has started and ends with it (reference
 * 15.7). The class is injectable; list it among the providers of a module, and import `WebSocketClientModule`.
 *
 * @param options the client's options, just its URL, or `{ inject, useFactory }` that makes the options; they override
 * the module's defaults, and are overridden by the module's `clients`
 */
export function WebSocketClient(
  options: ClientUrl | WebSocketClientOptions | WebSocketClientFactory = {},
): ClassDecorator {
  const isUrl = typeof options === 'string' || typeof options === 'function' || options instanceof URL;
  const declared: DeclaredClient = isUrl ? { url: options } : options;
  return applyDecorators(
    Injectable(),
    SetMetadata(WEB_SOCKET_CLIENT_OPTIONS, declared),
    SetMetadata(ENTRY_PROVIDER, true),
  ) as ClassDecorator;
}
