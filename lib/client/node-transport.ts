import { validateHeaderName, validateHeaderValue, type IncomingMessage } from 'node:http';
import { WebSocket, type ClientOptions } from 'ws';
import {
  OPEN,
  type ConnectionRequest,
  type HookQueue,
  type Payload,
  type Transport,
  type TransportObserver,
  type TransportSocket,
} from './transport.js';

/** Milliseconds after which a socket whose closing handshake does not end is destroyed. */
const CLOSE_TIMEOUT = 5_000;

/** While so many hooks wait nothing is read. */
const MAX_QUEUED = 64;

/** How many times more may wait while a hook, perhaps, waits for an answer, which comes after that. */
const ASKING_FACTOR = 8;

/** What `ws` calls what servers do wrong, as close codes; the others of its errors are protocol violations. */
const PROTOCOL_ERROR_CODES: Readonly<Record<string, number>> = {
  WS_ERR_INVALID_UTF8: 1007,
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 1008,
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 1009,
};

/** A `ws` client on Node: it has headers, sees pings, and learns why a handshake was refused. */
class WsSocket implements TransportSocket {
  readonly #websocket: WebSocket;
  readonly #observer: TransportObserver;
  readonly #hooks: HookQueue;
  #waiting: (() => void)[] = [];

  constructor(
    { url, protocols, headers, token, dataType }: ConnectionRequest,
    observer: TransportObserver,
    hooks: HookQueue,
  ) {
    this.#observer = observer;
    this.#hooks = hooks;
    const options = {
      headers: { ...headers, ...(token && { authorization: `Bearer ${token}` }) },
      closeTimeout: CLOSE_TIMEOUT,
    };
    const websocket = new WebSocket(url, [...protocols], options as ClientOptions);
    this.#websocket = websocket;
    let failure: { error: unknown; errCode: number } | undefined;
    let delay: number | undefined;
    const heard = () => observer.heard();
    websocket
      // A server that refuses by a close frame says here when to come again.
      .on('upgrade', ({ headers }) => (delay = retryAfter(headers['retry-after'])))
      .on('open', () => observer.opened(websocket.protocol))
      .on('message', (data: Buffer, isBinary) => {
        observer.received(isBinary || dataType === 'blob' ? data : data.toString(), isBinary);
        if (this.#isFull) this.#pause();
      })
      .on('ping', heard)
      .on('pong', heard)
      .on('unexpected-response', (_request, response) => {
        this.destroy();
        observer.closed(refusal(response));
      })
      .on('error', (error) => (failure = { error: explained(error), errCode: errorCode(error) }))
      .on('close', (code, reason) =>
        observer.closed({
          code,
          reason: reason.toString() || undefined,
          retryAfter: code >= 4400 ? delay : undefined,
          ...failure,
        }),
      );
  }

  get readyState(): number {
    return this.#websocket.readyState;
  }

  get bufferedAmount(): number {
    return this.#websocket.bufferedAmount;
  }

  send(payload: Payload): void {
    // ws sends Blobs, its types don't say so yet.
    this.#websocket.send(payload as Uint8Array, this.#sent);
    // It may be a call, in a hook.
    if (this.#websocket.isPaused && this.#isAsking && !this.#isFull) this.#websocket.resume();
  }

  close(code: number, reason: string): void {
    this.#websocket.close(code, reason);
    // To hear the answer.
    this.#websocket.resume();
  }

  destroy(code?: number): void {
    // A handshake that is cut short is an error that ws emits, and nobody's concern any more.
    this.#websocket.removeAllListeners().on('error', () => undefined);
    if (code) this.#websocket.close(code);
    else this.#websocket.terminate();
  }

  whenSent(callback: () => void): void {
    this.#waiting.push(callback);
  }

  ping(): void {
    // Who reads nothing hears no answer either.
    if (this.#websocket.isPaused) this.#observer.heard();
    else this.#websocket.ping();
  }

  get #isAsking(): boolean {
    return this.#hooks.contract?.isAsking === true;
  }

  get #isFull(): boolean {
    return this.#hooks.length >= (this.#isAsking ? ASKING_FACTOR * MAX_QUEUED : MAX_QUEUED);
  }

  /** Reads nothing more until the hooks that wait are over. */
  #pause(): void {
    if (this.#websocket.isPaused || this.#websocket.readyState !== OPEN) return;
    this.#websocket.pause();
    this.#hooks.run(() => this.#websocket.resume());
  }

  readonly #sent = (error?: Error): void => {
    // What failed has not left; the connection closes.
    if (error || this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const callback of waiting) callback();
  };
}

function refusal({ statusCode = 0, statusMessage, headers }: IncomingMessage) {
  return {
    code: 4000 + statusCode,
    reason: statusMessage || undefined,
    error: new Error(`The server refused the handshake with HTTP ${statusCode} ${statusMessage}`),
    errCode: statusCode,
    componentSignature: 'http',
    retryAfter: retryAfter(headers['retry-after']),
  } as const;
}

/** What `ws` says of a server that knows none of the sub-protocols that resuming needs tells nobody what to do. */
function explained(error: Error): Error {
  if (error.message !== 'Server sent no subprotocol') return error;
  return new Error(
    'The server chose none of the sub-protocols that were offered; ' +
      'for one that is not of nestjs-4d-websocket say "resume: false"',
    { cause: error },
  );
}

/** The milliseconds of a Retry-After header: seconds, or a date (RFC 9110, section 10.2.3). */
function retryAfter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const delay = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return delay > 0 ? delay : undefined;
}

function errorCode(error: Error & { code?: string }): number {
  return error.code?.startsWith('WS_ERR_') ? (PROTOCOL_ERROR_CODES[error.code] ?? 1002) : 1006;
}

/** `ws`, for Node. */
export const nodeTransport: Transport = {
  open: (request, observer, hooks) => new WsSocket(request, observer, hooks),
  checkHeaders(headers) {
    for (const [name, value] of Object.entries(headers)) {
      validateHeaderName(name);
      for (const each of Array.isArray(value) ? (value as unknown[]) : [value]) {
        if (typeof each !== 'string') {
          throw new TypeError(`FourDWebSocket: the header "${name}" must be a string or an array of strings`);
        }
        validateHeaderValue(name, each);
      }
    }
  },
};
