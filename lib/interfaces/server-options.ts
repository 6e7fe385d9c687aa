import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ZlibOptions } from 'node:zlib';
import type { DataType } from './data-type.js';
import type { HandshakeRequest } from './handshake-request.js';

/** Decides, or promises to decide, whether a browser page of this origin may connect. Only true lets it. */
export type OriginCheck = (origin: string, request: IncomingMessage) => boolean | Promise<boolean>;

/** Pings for clients that have gone quiet. Times in milliseconds. */
export interface HeartbeatOptions {
  /** How long a client may be silent before it is pinged. @default 30000 */
  interval?: number;
  /** How long a pinged client may take to send anything at all. @default 10000 */
  timeout?: number;
}

/** Which topics remember, and how much (reference 16.1). */
export interface HistoryOptions {
  /** The topics, or patterns in which `*` stands for any text: `room:*`. */
  topics: string | readonly string[];
  /** How many messages of each topic are kept. @default 1000 */
  messages?: number;
  /** How old they may be, in milliseconds. @default 300000 */
  age?: number;
}

/** How many handshakes may begin in a time (reference 19.1). */
export interface HandshakeRate {
  /** How many. */
  limit: number;
  /** In how many milliseconds. */
  window: number;
  /**
   * Whose are counted: those of the whole server on this instance, past which clients get HTTP 503, or those of each address
   * ({@link ServerDefaults.trustProxy}; of IPv6, each network of 64 bits), past which it gets HTTP 429.
   *
   * @default 'server'
   */
  by?: 'server' | 'address';
}

/** How many messages of one client are served in a time (reference 19.2). */
export interface MessageRateOptions {
  /** How many. */
  limit: number;
  /** In how many milliseconds. */
  window: number;
  /** How many bytes of them, after decompression; one message alone may be longer. @default no limit */
  bytes?: number;
  /**
   * What happens to those beyond: `'pause'` reads from the client no more until they may be served, so nothing is lost; `'drop'` throws
   * them away, and `onError` hears of it once a window; `'close'` closes the connection with 1008.
   *
   * @default 'pause'
   */
  exceeded?: 'pause' | 'drop' | 'close';
}

/** Compression of messages (RFC 7692), with the options of `ws`. */
export interface PerMessageDeflateOptions {
  /** Whether this side starts each message with an empty window. */
  serverNoContextTakeover?: boolean;
  /** Whether the client has to start each message with an empty window. */
  clientNoContextTakeover?: boolean;
  /** Base-2 logarithm of this side's window size, 8 to 15. */
  serverMaxWindowBits?: number;
  /** Base-2 logarithm of the client's window size, 8 to 15. */
  clientMaxWindowBits?: number;
  /** Options of zlib for compression. */
  zlibDeflateOptions?: ZlibOptions;
  /** Options of zlib for decompression. */
  zlibInflateOptions?: ZlibOptions;
  /** Messages below this size, in bytes, are not compressed if context takeover is off. @default 1024 */
  threshold?: number;
  /** How many calls to zlib run at once, in the whole process. @default 10 */
  concurrencyLimit?: number;
}

interface Connect {
  // A method's parameters may be narrower in what is assigned to it: middleware declares its own framework's request.
  use(request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): void;
}

/** Connect-style middleware, as `app.use` takes it. */
export type HandshakeMiddleware = Connect['use'];

/** The options that a module sets for all its servers, and a decorator for one (reference 8). */
export interface ServerDefaults {
  /** How messages are decoded. @default 'text' */
  dataType?: DataType;
  /** Longest message, in bytes, after decompression; longer ones close the connection with 1009. @default 1048576 */
  maxPayload?: number;
  /**
   * Frames that one message may come in; more close the connection with 1008.
   *
   * @default 16384
   */
  maxFragments?: number;
  /** How many clients the server takes at once; further ones get HTTP 503. @default no limit */
  maxConnections?: number;
  /**
   * Origins whose pages may connect: strings compared exactly, patterns, or a function.
   * Others get HTTP 403. A request without an Origin header does not come from a browser and passes.
   * @default any
   */
  allowedOrigins?: string | RegExp | readonly (string | RegExp)[] | OriginCheck;
  /**
   * Which proxies to believe about the client's address, as Express's setting "trust proxy".
   * @default false
   */
  trustProxy?: boolean | number | string | readonly string[] | ((address: string, index: number) => boolean);
  /** Sub-protocols, the preferred first; the first that the client offers is chosen. @default none */
  protocols?: readonly string[];
  /** How long `onConnection` may take, in milliseconds; then the client gets HTTP 503. @default 10000 */
  handshakeTimeout?: number;
  /**
   * Connect-style middleware for handshakes, run before `onConnection` and its guards: `app.use` and Nest's middleware
   * don't see upgrade requests. What it sets on the request is on `request.raw`.
   *
   * @default none
   */
  handshake?: { use: readonly HandshakeMiddleware[] };
  /** Pings for silent clients; `false` turns them off. @default { interval: 30000, timeout: 10000 } */
  heartbeat?: HeartbeatOptions | false;
  /** How long a client may take to answer a close frame, in milliseconds. @default 5000 */
  closeTimeout?: number;
  /** How long a shutdown waits for connections to end, in milliseconds. @default 10000 */
  shutdownTimeout?: number;
  /**
   * Over how many milliseconds a shutdown closes the connections, evenly, so that their clients don't come back to the other
   * instances all at once; less than {@link shutdownTimeout}.
   *
   * @default 0
   */
  shutdownSpread?: number;
  /**
   * How many handshakes may begin in a time; several limits may hold at once. Past one, clients get HTTP 503 or 429 with
   * `Retry-After`, before any hook, guard or provider runs. `false`: none, whatever the module says.
   *
   * @default no limit
   */
  handshakeRate?: HandshakeRate | readonly HandshakeRate[] | false;
  /** How many messages of each client are served in a time; `false`: all, whatever the module says. @default no limit */
  messageRate?: MessageRateOptions | false;
  /**
   * Whose a request is, by what the guards of `onConnection` wrote to it (`onConnection` does not run again): a connection whose
   * client brings a token of somebody else's is closed with 4401. Compared with `Object.is`; undefined, null and promises tell nobody
   * from anybody, so a new token is not taken then.
   *
   * @default nobody is told from anybody else
   */
  refreshKey?: (request: HandshakeRequest) => unknown;
  /** How many topics a connection may be subscribed to; past them `subscribe` throws. @default 10000 */
  maxTopics?: number;
  /** How many messages of a client may wait for their handler before reading from it pauses. @default 64 */
  maxQueuedMessages?: number;
  /** How many bytes of such messages may wait before reading from the client pauses. @default 4194304 */
  maxQueuedBytes?: number;
  /** How many bytes may wait for a client to read them before it is closed with 1013. @default 16777216 */
  maxBufferedAmount?: number;
  /** Compression (RFC 7692), as in `ws`. @default false */
  perMessageDeflate?: boolean | PerMessageDeflateOptions;
  /**
   * Topics that remember: nothing that is published to them is lost within these bounds, across cut lines and restarts
   * (reference 16). `false`: none do, whatever the module says.
   *
   * @default none
   */
  history?: HistoryOptions | false;
  /**
   * Whether clients may speak the sub-protocol `nestjs-4d-websocket.v1`, which tells them their positions (reference 16.4).
   *
   * @default true
   */
  resume?: boolean;
  /**
   * How a client is told that `onConnection`, or a guard of it, refuses it: by an HTTP status, which a browser hides from
   * its page, or, with `'close'`, by an open connection that is closed at once with 4000 + the status: 4401, 4403, 4503.
   * Clients that speak the sub-protocol of {@link resume} are always told by a close frame.
   *
   * @default 'http'
   */
  refusals?: 'http' | 'close';
}

/** The options of one server (reference 8). */
export interface ServerOptions extends ServerDefaults {
  /**
   * Exact path (`/chat`) or pattern (`/rooms/:id`) in the syntax of Nest's routes.
   * @default none: the server takes the requests that no other server takes
   */
  path?: string;
  /** A port of the server's own, as in `@WebSocketGateway(port)`. @default the application's */
  port?: number;
  /**
   * `false` keeps the server to its own instance, beside a module with a backplane.
   *
   * @default the module's
   */
  backplane?: false;
}
