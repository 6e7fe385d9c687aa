import type { IncomingMessage } from 'node:http';

/**
 * The upgrade request that opened (or asks to open) a connection (reference 7).
 *
 * @typeParam Data what the application keeps in `data`
 * @typeParam Params the path parameters: strings, but for a wildcard (`/files/*path`), whose parameter is an array of its
 * segments and wants a type of its own: `HandshakeRequest<object, { path: string[] }>`
 */
export interface HandshakeRequest<
  Data extends object = object,
  Params extends object = Readonly<Record<string, string>>,
> {
  /** Lower-case names; an array where the client sent the header several times. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** The URL's decoded parameters, without a prototype; an array where a key came several times. */
  readonly query: Readonly<Record<string, string | string[]>>;
  /** The parameters of the server's path pattern, without a prototype. */
  readonly params: Params;
  /** The URL as on the request line. */
  readonly url: string;
  /** The client's IP address; behind proxies, the one they report (option `trustProxy`). */
  readonly remoteAddress: string;
  /**
   * An object of the application's own, made when it is first asked for: what a guard or `onConnection` finds out about the
   * client. It is the same object as the connection's `data` (reference 2).
   */
  readonly data: Data;
  /** Node's own request object; what guards set on the request is here. */
  readonly raw: IncomingMessage;
}
