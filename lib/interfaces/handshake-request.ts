import type { IncomingMessage } from 'node:http';

/** The upgrade request that opened (or asks to open) a connection (SPEC 7). */
export interface HandshakeRequest {
  /** Lower-case names; an array where the client sent the header several times. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** The URL's decoded parameters, without a prototype; an array where a key came several times. */
  readonly query: Readonly<Record<string, string | string[]>>;
  /** The parameters of the server's path pattern, without a prototype. */
  readonly params: Readonly<Record<string, string | string[]>>;
  /** The URL as on the request line. */
  readonly url: string;
  /** The client's IP address; behind proxies, the one they report (option `trustProxy`). */
  readonly remoteAddress: string;
  /** Node's own request object; what guards set on the request is here. */
  readonly raw: IncomingMessage;
}
