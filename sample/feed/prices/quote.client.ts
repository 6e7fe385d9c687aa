import { Logger, UsePipes, ValidationPipe } from '@nestjs/common';
import { MessageBody } from '@nestjs/websockets';
import { WebSocketClient } from 'nestjs-4d-websocket';
import type { ClientDisconnectEvent, ClientOpenEvent, FourDWebSocket } from 'nestjs-4d-websocket/client';
import { Price } from './price.js';
import { PriceBoard } from './price.board.js';

/** One connection to the exchange, for as long as the application runs. */
@WebSocketClient({ dataType: 'object' })
@UsePipes(new ValidationPipe({ transform: true }))
export class QuoteClient {
  readonly #logger = new Logger(QuoteClient.name);

  constructor(private readonly board: PriceBoard) {}

  /** Also when it has reconnected: the exchange remembers nobody. */
  onOpen(ws: FourDWebSocket, { reconnected }: ClientOpenEvent) {
    this.#logger.log(reconnected ? 'Connected again' : `Connected to ${ws.url}`);
    for (const symbol of ['NEST', '4D']) ws.send({ quote: symbol });
  }

  onMessage(@MessageBody() price: Price) {
    this.board.put(price);
  }

  onDisconnect(_ws: FourDWebSocket, { code, delay }: ClientDisconnectEvent) {
    this.#logger.warn(`Lost the exchange (${code}); next attempt in ${delay} ms`);
  }
}
