import type { DataType } from '../interfaces/data-type.js';
import type { ComponentSignature } from '../interfaces/ws-error.js';

/** What a message is on its way out. */
export type Payload = string | Uint8Array | Blob;

/** One attempt to connect. */
export interface ConnectionRequest {
  readonly url: string;
  readonly protocols: readonly string[];
  readonly headers: Readonly<Record<string, string | readonly string[]>> | undefined;
  readonly token: string | undefined;
  /** With `'blob'` text messages may come as their bytes. */
  readonly dataType: DataType;
}

/** How a connection ended, or why there was none. */
export interface Closing {
  /** @default 1006 */
  readonly code?: number;
  readonly reason?: string;
  /** What failed, if something did. */
  readonly error?: unknown;
  /** The code that the error is reported with. @default 1006; 1011 if the application failed */
  readonly errCode?: number;
  /** Where it failed. @default 'wsck' */
  readonly componentSignature?: ComponentSignature;
  /** Milliseconds that the server asks to wait for. */
  readonly retryAfter?: number;
}

/** What a socket tells. */
export interface TransportObserver {
  /** @param chosen the sub-protocol */
  opened(chosen: string): void;
  received(data: string | Uint8Array, isBinary: boolean): void;
  /** Something else came: the server is alive. */
  heard(): void;
  /** Once, last. */
  closed(closing: Closing): void;
}

/** One socket: all that the client sees of `ws` or of a browser's WebSocket. The names are theirs where they agree. */
export interface TransportSocket {
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(payload: Payload): void;
  /** Begins the closing handshake. */
  close(code: number, reason: string): void;
  /** Lets go of the socket at once; the observer hears nothing more. The server is told the code, where that can be done. */
  destroy(code?: number): void;
  /** Calls back once, when more of what was sent may have left. */
  whenSent(callback: () => void): void;
  /** Asks for a sign of life, where that can be done. */
  ping?(): void;
}

/** The `readyState` of a socket that takes messages. */
export const OPEN = 1;

/** The steps that wait for hooks. */
export interface HookQueue {
  readonly length: number;
  /** Tells whether a hook may be waiting for something that is still to be read. */
  readonly contract?: { readonly isAsking: boolean } | undefined;
  /** Runs a step when those before it are done. */
  run(step: () => void): void;
}

/** What a page tells. */
export interface PageObserver {
  /** A connection may be possible again. */
  back(): void;
  /** There is no network. */
  lost(): void;
  /** It may never run again. */
  left(): void;
}

/** What differs between browsers and Node. */
export interface Transport {
  /**
   * @param hooks what is received ends in: a socket that can wait reads no more than they keep up with
   * @throws whatever keeps the attempt from being made
   */
  open(request: ConnectionRequest, observer: TransportObserver, hooks: HookQueue): TransportSocket;
  /** @throws {TypeError} for headers that can not be sent */
  checkHeaders(headers: object): void;
  /**
   * Watches the page, where there is one.
   *
   * @returns a function that ends the watch
   */
  watchPage?(observer: PageObserver): () => void;
}
