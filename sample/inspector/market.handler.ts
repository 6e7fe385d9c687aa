import {
  ConnectionHandler,
  type WebSocketConnection,
  type WSErrorEvent,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';

interface Order {
  type: 'watch' | 'order' | 'report';
  share?: string;
  amount?: number;
}

/** A market: clients watch shares, order some, and ask for reports that are slow or fail. */
@ConnectionHandler({ path: '/markets/:market', dataType: 'object', maxBufferedAmount: 4 * 1024 * 1024 })
export class MarketHandler implements ConnectionHandler<Order> {
  async onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<Order>) {
    const { type, share = 'ACME', amount = 0 } = data;
    if (type === 'watch') {
      void ws.subscribe(`share:${share}`);
      return { watching: share };
    }
    if (type === 'order') {
      if (amount > 900) throw new Error(`There are not ${amount} of ${share}`);
      void ws.wss.publish(`share:${share}`, {
        share,
        sold: amount,
        price: Math.round(Math.random() * 10_000) / 100,
      });
      return { ordered: amount, share };
    }
    await new Promise((resolve) => setTimeout(resolve, 200 + Math.random() * 400));
    return {
      report: share,
      prices: Array.from({ length: 60 }, () => Math.round(Math.random() * 10_000) / 100),
    };
  }

  onError(ws: WebSocketConnection, { errors: [{ message }] }: WSErrorEvent) {
    ws.send({ error: message });
  }
}
