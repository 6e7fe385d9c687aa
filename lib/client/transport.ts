import type { HeartbeatOptions } from './client-options.js';
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
  /** How a server that says nothing is noticed, where that can be done. */
  readonly heartbeat: Required<HeartbeatOptions> | false;
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
  opened(protocol: string): void;
  received(data: string | Uint8Array, isBinary: boolean): void;
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
}

/** The `readyState` of a socket that takes messages. */
export const OPEN = 1;

/** What differs between browsers and Node. */
export interface Transport {
  /** @throws whatever keeps the attempt from being made */
  open(request: ConnectionRequest, observer: TransportObserver): TransportSocket;
  /** @throws {TypeError} for headers that can not be sent */
  checkHeaders(headers: object): void;
  /**
   * Watches the network, where that can be done.
   *
   * @param back a connection may be possible again
   * @param lost there is no network
   * @returns a function that ends the watch
   */
  watchNetwork?(back: () => void, lost: () => void): () => void;
}
