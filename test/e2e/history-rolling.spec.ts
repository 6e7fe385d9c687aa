/** docs/topics-that-remember.md, "Rolling deploys": instances that remember, and some of a deploy that does not. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  WebSocketServerRegistry,
  WSSHandler,
  type HistoryOptions,
  type WebSocketConnection,
  type WebSocketServer,
  type WSErrorEvent,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { FourDWebSocket } from 'nestjs-4d-websocket/client';
import { RedisBackplane } from 'nestjs-4d-websocket/redis';
import { closeApps, startApp, type TestApp } from '../support/app.js';
import { Broker, REDIS } from '../support/brokers.js';
import { ClientLog } from '../support/client-log.js';
import { connect, type TestClient } from '../support/client.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { until } from '../support/patience.js';
import { Random } from '../support/random.js';
import { Recorder } from '../support/recorder.js';
import { describeWith } from '../support/requirement.js';

const HISTORY: HistoryOptions = { topics: 'room:*' };

interface Instance extends TestApp {
  readonly server: WebSocketServer;
  readonly problems: string[];
  /** A plain client that follows topics. */
  follow(...topics: string[]): Promise<TestClient>;
}

describeWith('redis-server', REDIS, 'on one Redis, instances with history and some without', () => {
  let broker: Broker;
  let prefix: string;
  const ended: (() => unknown)[] = [];

  beforeAll(async () => {
    broker = await Broker.redis();
  });
  beforeEach(() => {
    prefix = `${randomUUID()}:`;
  });
  afterEach(async () => {
    for (const end of ended.splice(0).toReversed()) await end();
    await closeApps();
  });
  afterAll(() => broker.stop());

  async function start(history: HistoryOptions | false): Promise<Instance> {
    const problems: string[] = [];
    const events = new Recorder();
    @WSSHandler({ path: '/chat', history })
    class Server {
      onConnection() {
        return {
          async onOpen(ws: WebSocketConnection) {
            const { searchParams } = new URL(ws.request.url, 'ws://x');
            for (const topic of searchParams.getAll('topic')) await ws.subscribe(topic);
            events.push('subscribed');
          },
          onMessage: (ws: WebSocketConnection, { data }: WSMessageEvent<string>) =>
            void ws.wss.publish('room:1', data),
        };
      }
      onError(_wss: WebSocketServer, { errors: [{ message }] }: WSErrorEvent) {
        problems.push(message);
      }
    }
    const backplane = new RedisBackplane({ url: `redis://127.0.0.1:${broker.port}`, prefix });
    const app = await startApp({ options: { backplane }, providers: [Server] });
    return {
      ...app,
      problems,
      server: app.app.get(WebSocketServerRegistry).get('/chat')!,
      async follow(...topics) {
        const query = topics.map((topic) => `topic=${topic}`).join('&');
        const client = await connect(`${app.wsUrl}/chat?${query}`);
        await events.next('subscribed');
        return client;
      },
    };
  }

  let rounds = 0;

  /** Has an instance publish to a topic until a client hears it: nothing tells when a broker has subscribed an instance. */
  async function heard(from: Instance, topic: string, client: TestClient): Promise<void> {
    const round = `try ${rounds++}.`;
    let last = '';
    const first = (async () => {
      while (!last.startsWith(round)) last = String(await client.next());
    })();
    let count = 0;
    while (!last.startsWith(round)) {
      await from.server.publish(topic, `${round}${count++}`);
      await delay(10);
    }
    await first;
    while (last !== `${round}${count - 1}`) last = String(await client.next());
  }

  it('what the one without publishes to a topic without history reaches clients of both', async () => {
    const [old, young] = [await start(false), await start(HISTORY)];
    const [there, here] = [await old.follow('lobby'), await young.follow('lobby')];
    await heard(old, 'lobby', here);
    await old.server.publish('lobby', 'from the old');
    expect(await here.next()).toBe('from the old');
    young.server.broadcast('to all');
    expect(await here.next()).toBe('to all');
    const all: string[] = [];
    while (all.at(-1) !== 'to all') all.push(String(await there.next()));
    expect(all.filter((text) => !text.startsWith('try'))).toEqual(['from the old', 'to all']);
    expect([old.problems, young.problems]).toEqual([[], []]);
  });

  it('what the one without publishes to a topic with history reaches clients of both, and is not remembered', async () => {
    const [old, young] = [await start(false), await start(HISTORY)];
    const [there, here] = [await old.follow('room:1'), await young.follow('room:1')];
    await heard(old, 'room:1', here);
    expect(await old.server.publish('room:1', 'a')).toBeUndefined();
    await old.server.publish('room:1', 'b');
    expect(await here.take(2)).toEqual(['a', 'b']);
    const all: string[] = [];
    while (all.at(-1) !== 'b') all.push(String(await there.next()));
    expect(all.slice(-2)).toEqual(['a', 'b']);
    expect(await young.server.history('room:1')).toEqual([]);
    expect([old.problems, young.problems]).toEqual([[], []]);
  });

  it('what the one with history publishes is remembered, reaches its own and others with history, and no client of one without', async () => {
    const [old, young, younger] = [await start(false), await start(HISTORY), await start(HISTORY)];
    const there = await old.follow('room:1', 'lobby');
    const here = await young.follow('room:1', 'lobby');
    const beside = await younger.follow('room:1', 'lobby');
    await heard(young, 'lobby', there);
    await heard(young, 'lobby', beside);
    expect(await young.server.publish('room:1', 'remembered 1')).toMatchObject({ offset: 1 });
    expect(await young.server.publish('room:1', 'remembered 2')).toMatchObject({ offset: 2 });
    // Redis gives these out one after the other: what comes last shows that nothing came before.
    await young.server.publish('lobby', 'end');
    const told: string[] = [];
    while (told.at(-1) !== 'end') told.push(String(await there.next()));
    expect(told.filter((text) => !text.startsWith('try'))).toEqual(['end']);
    for (const client of [here, beside]) {
      const all: string[] = [];
      while (!(all.includes('end') && all.includes('remembered 2'))) all.push(String(await client.next()));
      expect(all.filter((text) => text.startsWith('remembered'))).toEqual(['remembered 1', 'remembered 2']);
    }
    // The old one is well: it hears of what others say as before.
    await old.server.publish('room:1', 'from the old');
    expect(await there.next()).toBe('from the old');
    expect(await here.next()).toBe('from the old');
    const remembered = await younger.server.history('room:1');
    expect(remembered.map(({ data }) => data)).toEqual(['remembered 1', 'remembered 2']);
    expect([old.problems, young.problems, younger.problems]).toEqual([[], [], []]);
  });

  it('three deploys with a new name: every client gets every message', async () => {
    const LOG: HistoryOptions = { topics: 'log:*' };
    // The first deploy: both names are followed. Some of before are still there, and publish to the old one.
    const [before, first] = [await start(false), await start(LOG)];
    const followsOld = await before.follow('room:1');
    const followsBoth = await first.follow('room:1', 'log:room:1');
    await heard(first, 'room:1', followsOld);
    await heard(before, 'room:1', followsBoth);
    await first.server.publish('room:1', 'one');
    const all: string[] = [];
    while (all.at(-1) !== 'one') all.push(String(await followsOld.next()));
    expect(await followsBoth.next()).toBe('one');
    // The second: the ones of before are gone, and all is published to the new name.
    await before.close();
    const second = await start(LOG);
    const follower = await second.follow('room:1', 'log:room:1');
    expect(await second.server.publish('log:room:1', 'two')).toMatchObject({ offset: 1 });
    expect(await follower.next()).toBe('two');
    expect(await followsBoth.next()).toBe('two');
    // One of the first deploy still publishes to the old name.
    await heard(first, 'room:1', follower);
    const known = (await second.server.history('log:room:1')).map(({ data }) => data);
    expect(known).toEqual(['two']);
    expect([before.problems, first.problems, second.problems]).toEqual([[], [], []]);
  });

  it('a client that moves between them gets what it missed where there is history, and goes on where there is none', async () => {
    const [old, young] = [await start(false), await start(HISTORY)];
    const ports = [young.port];
    const proxy = await CuttingProxy.start(new Random(3), ports, 1_000);
    ended.push(() => proxy.close());
    const log = new ClientLog();
    const reconnect = { minDelay: 1, maxDelay: 5 };
    const ws = new FourDWebSocket(`${proxy.url}/chat?topic=room:1`, log.hooks, { reconnect });
    ended.push(() => ws.terminate());
    const heardOf = () => log.all('message').map(({ data }) => data);
    const move = async (to: Instance, opened: number, meanwhile?: () => Promise<unknown>) => {
      proxy.goDown();
      await log.nth('disconnect', opened - 1);
      await meanwhile?.();
      ports[0] = to.port;
      proxy.isDown = false;
      await log.nth('open', opened);
    };
    await log.nth('open');
    ws.send('1');
    await log.nth('message', 1);
    // To one that does not remember: it is as any client there.
    await move(old, 2, () => young.server.publish('room:1', '2'));
    ws.send('3');
    await log.nth('message', 2);
    expect(heardOf()).toEqual(['1', '3']);
    // Back again: its place is still good, and what it missed is there.
    await move(young, 3, () => young.server.publish('room:1', '4'));
    await until(() => log.all('message').length >= 4);
    expect(heardOf()).toEqual(['1', '3', '2', '4']);
    expect(log.all('resume').at(-1)).toMatchObject({ topics: { 'room:1': { recovered: true, lost: 0 } } });
    expect([old.problems, young.problems]).toEqual([[], []]);
  });
});
