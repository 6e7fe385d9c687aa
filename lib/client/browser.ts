import { browserTransport } from './browser-transport.js';
import type {
  ClientOptions,
  ClientUrl,
  ContractClientOptions,
  PlainClientOptions,
} from './client-options.js';
import {
  FourDWebSocketBase,
  type BlobClientHandler,
  type ContractClientHandler,
  type ObjectClientHandler,
  type TextClientHandler,
  type TypedClientHandler,
} from './four-d-web-socket.js';

export * from './exports.js';

/**
 * 4D's WebSocket class, where there is a global WebSocket: browsers, workers, Deno, Bun: a client that stays connected (reference 15).
 *
 * @typeParam T the parsed JSON that `onMessage` receives with `dataType: 'object'`
 * @typeParam C its contract, if it has one
 */
export class FourDWebSocket<T = unknown, C = undefined> extends FourDWebSocketBase<T, C> {
  /**
   * Makes a client, which connects at once.
   *
   * @param url a `ws:`, `wss:`, `http:` or `https:` URL, or a function that is asked for one before each attempt
   * @param handler an object with the hooks; they are called on it
   * @throws {TypeError} for a URL that is none, a hook that is no function, an option that there is none of
   * @throws {RangeError} for an option out of range
   */
  constructor(url: ClientUrl, handler: ContractClientHandler<NoInfer<C>>, options: ContractClientOptions<C>);
  constructor(url: ClientUrl, handler?: TextClientHandler, options?: PlainClientOptions);
  constructor(url: ClientUrl, handler: BlobClientHandler, options?: PlainClientOptions);
  constructor(url: ClientUrl, handler: ObjectClientHandler<T>, options?: PlainClientOptions);
  constructor(
    url: ClientUrl,
    handler?: TypedClientHandler<T> | ContractClientHandler<C>,
    options?: ClientOptions | ContractClientOptions<C>,
  ) {
    super(browserTransport, url, handler, options);
  }
}
