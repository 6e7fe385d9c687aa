import type { HandshakeExchange } from '../../server/handshake/handshake-exchange.js';
import type { WebSocketServer } from '../../server/web-socket-server.js';

/** One call of `onConnection` on its way through the pipeline. */
export interface HandshakeCall {
  readonly handler: object;
  readonly server: WebSocketServer;
  readonly exchange: HandshakeExchange;
}
