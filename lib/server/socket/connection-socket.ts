import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { WebSocket } from 'ws';
import { CloseCode } from '../../errors/close-code.js';
import { protocolErrorCode } from '../../errors/error-details.js';
import type { SharedDeflate } from '../message/shared-deflate.js';

/** What a connection's sockets tell of. */
export interface SocketObserver {
  /** A message came. */
  received(data: Buffer, isBinary: boolean): void;
  /** The client, the protocol or the socket failed. */
  fail(errCode: number, error: Error): void;
  /** The connection is over. */
  closed(code: number, reason: Buffer): void;
  /** Nothing can be written any more in a moment: what waits has to go now. */
  flush(): void;
}

/** Where the socket under a connection keeps its observer. */
const kObserver = Symbol('observer');

interface ObservedSocket extends Socket {
  [kObserver]?: SocketObserver;
}

const NOTHING = Buffer.alloc(0);

/** The `WebSocket` of one connection, as `ws` makes it for us (its server's option `WebSocket`). */
export class ConnectionSocket extends WebSocket {
  #observer: SocketObserver | null = null;
  /** What compresses messages that others share; undefined if they are compressed for this connection alone, or not at all. */
  deflate: SharedDeflate | undefined = undefined;

  /**
   * Hands what happens on a connection's sockets to its observer. The listeners are shared, and find the observer on the
   * emitter: a connection has no closures of its own.
   */
  observe(observer: SocketObserver, socket: ObservedSocket): void {
    this.#observer = observer;
    this.on('message', ConnectionSocket.#onMessage);
    this.on('error', ConnectionSocket.#onError);
    this.on('close', ConnectionSocket.#onClose);
    socket[kObserver] = observer;
    socket.on('error', onSocketError);
    socket.prependListener('end', onSocketEnd);
  }

  /**
   * Sends the close frame. Ours and `ws`'s own calls (the answer to the client's close frame, and to a protocol
   * violation) come here: what waits is flushed first, since no frame may follow this one.
   */
  override close(code?: number, reason?: string | Buffer): void {
    this.#observer?.flush();
    super.close(code, reason);
  }

  /**
   * Calls back when the messages that have arrived have been emitted: now, or on a compressed connection when the last of
   * them is decompressed. `ws` offers no way to know; its receiver is a stream, and what is written to that comes after them.
   */
  afterReceived(callback: () => void): void {
    const { _receiver: receiver } = this as unknown as { readonly _receiver?: Writable };
    if (this.extensions === '' || receiver?.writable !== true) callback();
    else receiver.write(NOTHING, () => callback());
  }

  static #onMessage(this: WebSocket, data: unknown, isBinary: boolean): void {
    (this as ConnectionSocket).#observer!.received(data as Buffer, isBinary);
  }

  static #onError(this: WebSocket, error: Error): void {
    (this as ConnectionSocket).#observer!.fail(protocolErrorCode(error), error);
  }

  static #onClose(this: WebSocket, code: number, reason: Buffer): void {
    (this as ConnectionSocket).#observer!.closed(code, reason);
  }
}

/** A reset or the like. ws destroys the socket, but keeps the reason to itself. */
function onSocketError(this: ObservedSocket, error: Error): void {
  this[kObserver]!.fail(CloseCode.ABNORMAL, error);
}

/** The client's side has ended, and ws is about to end ours: what waits goes out before. */
function onSocketEnd(this: ObservedSocket): void {
  this[kObserver]!.flush();
}
