/** reference 16.3: who catches up with a topic gets there, however much comes meanwhile. */
import {
  WebSocketServerRegistry,
  WSSHandler,
  type WebSocketConnection,
  type WebSocketServer,
} from 'nestjs-4d-websocket';
import { NatsBackplane } from 'nestjs-4d-websocket/nats';
import { closeApps, startApp } from '../support/app.js';
import { Broker, NATS } from '../support/brokers.js';
import { connect } from '../support/client.js';
import { within } from '../support/patience.js';
import { Recorder } from '../support/recorder.js';
import { describeWith } from '../support/requirement.js';
import { SlowProxy } from '../support/slow-proxy.js';

const TOPIC = 'ticks';

let broker: Broker | undefined;
let proxy: SlowProxy | undefined;
afterEach(async () => {
  await closeApps();
  await proxy?.close();
  await broker?.stop();
});

async function startInstance(port: number) {
  const events = new Recorder();
  @WSSHandler({ path: '/chat', history: { topics: TOPIC, messages: 100_000 } })
  class Server {
    onConnection() {
      return {
        async onOpen(ws: WebSocketConnection) {
          events.push('subscribed', await ws.subscribe(TOPIC, { last: 200 }));
        },
        onMessage: () => undefined,
      };
    }
  }
  const backplane = new NatsBackplane({ servers: `127.0.0.1:${port}` });
  const { app, wsUrl } = await startApp({ options: { backplane }, providers: [Server] });
  return { events, wsUrl, server: app.get(WebSocketServerRegistry).get('/chat')! };
}

/** Publishes numbers, each when the store has the one before, until it is told to stop. */
class Ticker {
  published = 0;
  #running = true;
  readonly #ended: Promise<void>;

  constructor(server: WebSocketServer) {
    this.#ended = this.#run(server);
  }

  async #run(server: WebSocketServer): Promise<void> {
    while (this.#running) await server.publish(TOPIC, String(++this.published));
  }

  async reaches(count: number): Promise<void> {
    while (this.published < count) await new Promise((resolve) => setImmediate(resolve));
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#ended;
  }
}

describeWith('nats-server', NATS, 'NATS', () => {
  it('16.3 a client catches up while more comes than its instance can read of the past', async () => {
    broker = await Broker.natsWithJetStream();
    proxy = await SlowProxy.start(broker.port, 5);
    const near = await startInstance(broker.port);
    const far = await startInstance(proxy.port);
    const ticker = new Ticker(near.server);
    await ticker.reaches(300);
    const client = await connect(`${far.wsUrl}/chat`);
    const before = ticker.published;
    await within(far.events.next('subscribed'));
    // Each message of the past took a question to the store, and an answer.
    expect(ticker.published - before).toBeGreaterThan(200);
    const last = ticker.published + 100;
    await ticker.reaches(last);
    await ticker.stop();
    const numbers = [Number(await client.next())];
    while (numbers.at(-1) !== last) numbers.push(Number(await client.next()));
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => numbers[0]! + index));
    expect(numbers.length).toBeGreaterThan(300);
  });
});
