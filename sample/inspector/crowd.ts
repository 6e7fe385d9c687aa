import { FourDWebSocket } from 'nestjs-4d-websocket/client';

const MARKETS = ['paris', 'tokyo', 'new-york'];
const SHARES = ['ACME', 'Globex', 'Initech', 'Umbrella', 'Hooli'];

const oneOf = <T>(values: readonly T[]): T => values[Math.floor(Math.random() * values.length)]!;

/** Made-up clients, so that there is something to see: they watch, order, ask for too much, come and go. */
export class Crowd {
  readonly #url: string;
  readonly #clients: FourDWebSocket[] = [];
  readonly #timer: NodeJS.Timeout;

  /** @param size how many there are, more or less */
  constructor(url: string, size: number) {
    this.#url = url;
    this.#timer = setInterval(() => {
      while (this.#clients.length < size && Math.random() < 0.9) this.#join();
      for (let index = 0; index < size / 8; index++) this.#act(oneOf(this.#clients));
      if (Math.random() < 0.3) this.#leave();
    }, 250);
  }

  end(): void {
    clearInterval(this.#timer);
    for (const client of this.#clients.splice(0)) client.terminate();
  }

  #join(): void {
    const client = new FourDWebSocket(`${this.#url}/markets/${oneOf(MARKETS)}?token=made-up`, {
      headers: { 'User-Agent': 'Made-up client/1.0' },
      onOpen: (ws) => ws.send({ type: 'watch', share: oneOf(SHARES) }),
      onError: () => undefined,
    });
    this.#clients.push(client);
  }

  #act(client: FourDWebSocket): void {
    const share = oneOf(SHARES);
    if (Math.random() < 0.1) client.send({ type: 'report', share });
    else client.send({ type: 'order', share, amount: Math.ceil(Math.random() * 1000) });
  }

  #leave(): void {
    const [client] = this.#clients.splice(Math.floor(Math.random() * this.#clients.length), 1);
    client?.terminate(oneOf([1000, 3001, 4000]), 'enough for today');
  }
}
