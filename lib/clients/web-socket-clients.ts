import { Injectable, type Type } from '@nestjs/common';
import type { ClientUrl } from '../client/client-options.js';
import type {
  BlobClientHandler,
  ClientHandler,
  ObjectClientHandler,
  TextClientHandler,
} from '../client/four-d-web-socket.js';
import type { FourDWebSocket } from '../client/node.js';
import {
  WEB_SOCKET_CLIENT_OPTIONS,
  type DeclaredClient,
  type WebSocketClientOptions,
} from '../decorators/web-socket-client.decorator.js';
import { InvalidHandlerError } from '../errors/invalid-handler.error.js';
import { ProviderExplorer } from '../handlers/provider-explorer.js';
import { ClientFactory } from './client-factory.js';
import type { BoundClientHandler } from './client-hooks.js';
import { mergeOptions, servedBy, resolveSettings, type ClientSettings } from './client-settings.js';
import { HandlerWebSocket } from './handler-web-socket.js';

/** The WebSocket clients of the application that are not closed; injectable anywhere (reference 15.7). */
@Injectable()
export class WebSocketClients implements Iterable<FourDWebSocket> {
  /** With the classes that they are found by. */
  readonly #clients = new Map<HandlerWebSocket, Type<object>>();
  readonly #factory: ClientFactory;
  readonly #explorer: ProviderExplorer;
  #isShutDown = false;

  constructor(factory: ClientFactory, explorer: ProviderExplorer) {
    this.#factory = factory;
    this.#explorer = explorer;
  }

  [Symbol.iterator](): IterableIterator<FourDWebSocket> {
    return this.#clients.keys();
  }

  /**
   * The client of this handler class; undefined before the application has started, and when the client is closed. Of
   * several it is the first.
   *
   * @typeParam T the parsed JSON that `onMessage` receives with `dataType: 'object'`
   */
  get<T = unknown>(handler: Type<object>): FourDWebSocket<T> | undefined {
    for (const [client, type] of this.#clients) {
      if (type === handler || client.handler instanceof handler) return client as FourDWebSocket<T>;
    }
    return undefined;
  }

  /**
   * Connects to a server at run time, 4D's `WebSocket.new`.
   *
   * @param handler a class that a module provides, of which Nest makes an instance for this client alone, or an object
   * with hooks, as it is
   * @param options override those of the class's decorator and of the module
   * @returns a promise of the client, which connects; it ends with the application, if it is not terminated before
   * @throws {InvalidHandlerError} (the promise rejects) if the handler has no hooks, its class is not provided, or an
   * option has a value out of range
   * @throws {InvalidOptionError} (the promise rejects) for an option that there is none of
   */
  open(
    url: ClientUrl,
    handler: Type<object>,
    options?: Omit<WebSocketClientOptions, 'url' | 'connect'>,
  ): Promise<FourDWebSocket>;
  open(
    url: ClientUrl,
    handler: TextClientHandler,
    options?: Omit<WebSocketClientOptions, 'url' | 'connect'>,
  ): Promise<FourDWebSocket>;
  open(
    url: ClientUrl,
    handler: BlobClientHandler,
    options?: Omit<WebSocketClientOptions, 'url' | 'connect'>,
  ): Promise<FourDWebSocket>;
  open<T>(
    url: ClientUrl,
    handler: ObjectClientHandler<T>,
    options?: Omit<WebSocketClientOptions, 'url' | 'connect'>,
  ): Promise<FourDWebSocket<T>>;
  async open(
    url: ClientUrl,
    handler: Type<object> | object,
    options: WebSocketClientOptions = {},
  ): Promise<FourDWebSocket> {
    const isClass = typeof handler === 'function';
    const type = (isClass ? handler : (handler.constructor ?? Object)) as Type<object>;
    const wrapper = isClass ? this.#explorer.providersOf(type)[0] : undefined;
    if (isClass && wrapper === undefined) {
      throw new InvalidHandlerError(
        type.name,
        'WebSocketClients.open() needs a class that a module provides, or an object; add it to the providers of a module',
      );
    }
    const declared = isClass
      ? (Reflect.getMetadata(WEB_SOCKET_CLIENT_OPTIONS, type) as DeclaredClient | undefined)
      : undefined;
    const general = await this.#factory.optionsOf(type, declared, wrapper);
    const merged = mergeOptions(general, options, { url });
    const served = servedBy(merged);
    const bound =
      wrapper === undefined
        ? this.#factory.given(handler, served)
        : await this.#factory.own(type, wrapper, served);
    return this.connect(bound, settingsOf(merged, bound), type);
  }

  /** @internal Makes a client, which connects at once. */
  connect(bound: BoundClientHandler, settings: ClientSettings, type: Type<object>): FourDWebSocket {
    if (this.#isShutDown) {
      throw new Error(`${bound.hooks.name}: no client can be opened, since the application is shutting down`);
    }
    const client = new HandlerWebSocket(bound, settings);
    this.#clients.set(client, type);
    void client.ended.then(() => this.#clients.delete(client));
    return client;
  }

  /** @internal Ends all clients; resolves when the last hook of the last one is over. None can be opened any more. */
  async close(): Promise<void> {
    this.#isShutDown = true;
    await Promise.all(
      Array.from(this.#clients.keys(), (client) => {
        client.terminate();
        return client.ended;
      }),
    );
  }
}

/**
 * The settings of a client. What its handler itself says of `dataType` and `headers`, as a handler does anywhere
 * (reference 15.2), counts before the options.
 *
 * @throws {InvalidOptionError} if there is no URL, or an option that there is none of
 * @throws {InvalidHandlerError} for a value of a wrong type, or out of range
 */
export function settingsOf(
  options: WebSocketClientOptions,
  { handler, hooks }: BoundClientHandler,
): ClientSettings {
  const { dataType, headers } = handler as ClientHandler;
  return resolveSettings(mergeOptions(options, { dataType, headers }), hooks.name);
}
