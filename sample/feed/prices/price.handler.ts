import { ConnectionHandler, type WebSocketConnection } from 'nestjs-4d-websocket';
import { PriceBoard } from './price.board.js';

/** A visitor: gets the latest prices, then each new one. */
@ConnectionHandler({ path: '/prices', dataType: 'object' })
export class PriceHandler {
  constructor(private readonly board: PriceBoard) {}

  onOpen(ws: WebSocketConnection) {
    for (const price of this.board.latest) ws.send(price);
    ws.subscribe('prices');
  }

  onMessage() {
    return { error: 'I only talk' };
  }
}
