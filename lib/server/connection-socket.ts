import type { Writable } from 'node:stream';
import { WebSocket } from 'ws';
import type { ConnectionSession } from './connection-session.js';

const NOTHING = Buffer.alloc(0);

/** The `WebSocket` of one connection, as `ws` makes it for us (its server's option `WebSocket`). */
export class ConnectionSocket extends WebSocket {
  /** What serves this socket; null until the handshake is over. */
  session: ConnectionSession | null = null;

  /**
   * Sends the close frame. Ours and `ws`'s own calls (the answer to the client's close frame, and to a protocol
   * violation) come here: what waits is flushed first, since no frame may follow this one.
   */
  override close(code?: number, reason?: string | Buffer): void {
    this.session?.outbox.flush();
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
}
