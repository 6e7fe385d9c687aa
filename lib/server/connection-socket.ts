import { WebSocket } from 'ws';
import type { ConnectionSession } from './connection-session.js';

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
}
