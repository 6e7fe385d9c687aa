import { Injectable } from '@nestjs/common';
import { WebSocketServerRegistry } from 'nestjs-4d-websocket';
import type { Price } from './price.js';

/** The latest prices; all visitors hear of new ones. */
@Injectable()
export class PriceBoard {
  readonly #latest = new Map<string, Price>();

  constructor(private readonly servers: WebSocketServerRegistry) {}

  get latest(): Price[] {
    return [...this.#latest.values()];
  }

  put(price: Price) {
    this.#latest.set(price.symbol, price);
    this.servers.get('/prices')?.publish('prices', price);
  }
}
