import { MessageBody } from '@nestjs/websockets';
import { ConnectionHandler } from 'nestjs-4d-websocket';
import { interval, map, startWith } from 'rxjs';

/** How often there is a new price, in milliseconds. */
const EVERY = Number(process.env.EVERY ?? 1000);

/** The other's server: whoever says `{ "quote": "NEST" }` gets prices of it until they hang up. */
@ConnectionHandler({ path: '/quotes', dataType: 'object' })
export class QuoteHandler {
  onMessage(@MessageBody('quote') symbol: string) {
    return interval(EVERY).pipe(
      startWith(null),
      map(() => ({ symbol, price: Math.round(Math.random() * 10_000) / 100 })),
    );
  }
}
