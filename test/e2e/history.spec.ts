/** reference 16.1 to 16.6: topics that remember, as their clients see them. */
import {
  BackplaneError,
  InvalidOptionError,
  WebSocketPublisher,
  WSSHandler,
  type WebSocketConnection,
  type WebSocketServer,
  type WSResumeEvent,
  type TopicSubscription,
  WebSocketServerRegistry,
  type WSOpenEvent,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { closeApps, startApp, type TestApp } from '../support/app.js';
import { connect } from '../support/client.js';
import { deferred } from '../support/deferred.js';
import { MemoryBroker, type MemoryBackplane } from '../support/memory-backplane.js';
import { until, within } from '../support/patience.js';
import { Recorder } from '../support/recorder.js';
import { ResumingClient } from '../support/resuming-client.js';

afterEach(closeApps);

interface TestInstance extends TestApp {
  server: WebSocketServer;
  events: Recorder;
  backplane?: MemoryBackplane;
}

/** An instance with one server, /chat, whose clients follow the topic of their query: `?topic=room:1&last=3`. */
async function startInstance(
  broker?: MemoryBroker,
  history: object = { topics: 'room:*' },
): Promise<TestInstance> {
  const events = new Recorder();
  const backplane = broker?.create();
  @WSSHandler({ path: '/chat', history: history as never })
  class Server {
    onConnection() {
      return {
        async onOpen(ws: WebSocketConnection, { reconnected }: WSOpenEvent) {
          events.push('open', ws.id, reconnected);
          const { searchParams } = new URL(ws.request.url, 'ws://x');
          for (const topic of searchParams.getAll('topic')) {
            const last = searchParams.get('last');
            const since = searchParams.get('since');
            const options =
              last !== null
                ? { last: Number(last) }
                : since !== null
                  ? { since: JSON.parse(since) }
                  : undefined;
            events.push('subscribed', await ws.subscribe(topic, options));
          }
          for (const topic of searchParams.getAll('resume')) await ws.subscribe(topic);
        },
        onResume: (_ws: WebSocketConnection, event: WSResumeEvent) => events.push('resume', event),
        onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
          void ws.wss.publish('room:1', data, { except: ws });
        },
      };
    }
    onError(_wss: WebSocketServer, { errors }: { errors: unknown[] }) {
      events.push('error', errors[0]);
    }
  }
  const testApp = await startApp({ options: { backplane }, providers: [Server] });
  return { ...testApp, server: testApp.app.get(WebSocketServerRegistry).get('/chat')!, events, backplane };
}

async function subscribed({ events }: TestInstance): Promise<TopicSubscription> {
  return (await events.next('subscribed'))[0] as TopicSubscription;
}

async function publish({ server }: TestInstance, from: number, to: number, topic = 'room:1'): Promise<void> {
  for (let index = from; index <= to; index++) await server.publish(topic, `m${index}`);
}

describe.each([
  ['the memory of the process', undefined],
  ['a broker', new MemoryBroker()],
])('history in %s', (_name, kind) => {
  const broker = () => kind && new MemoryBroker();

  it('16.2 publish resolves with positions without holes, and undefined for a topic without history', async () => {
    const instance = await startInstance(broker());
    const first = await instance.server.publish('room:1', 'a');
    expect(first).toEqual({ epoch: expect.any(String), offset: 1 });
    expect(await instance.server.publish('room:1', { b: 1 })).toEqual({ epoch: first!.epoch, offset: 2 });
    expect(await instance.server.publish('lobby', 'c')).toBeUndefined();
    expect(() => instance.server.publish(['room:1', 'lobby'], 'd')).toThrow(
      'WebSocketServer.publish(): the topic "room:1" has a history, in which a message has one position; publish to each such topic by itself',
    );
  });

  it('16.2 what is published right after the first subscription reaches it, once', async () => {
    const instance = await startInstance(broker());
    const client = await connect(`${instance.wsUrl}/chat?topic=room:1`);
    await subscribed(instance);
    await publish(instance, 1, 3);
    expect(await client.take(3)).toEqual(['m1', 'm2', 'm3']);
    // 40 in one turn.
    for (let index = 0; index < 40; index++) void instance.server.publish('room:1', `t${index}`);
    expect(await client.take(40)).toEqual(Array.from({ length: 40 }, (_, index) => `t${index}`));
  });

  it('16.3 the last so many, then live', async () => {
    const instance = await startInstance(broker());
    await publish(instance, 1, 5);
    const client = await connect(`${instance.wsUrl}/chat?topic=room:1&last=3`);
    expect(await client.take(3)).toEqual(['m3', 'm4', 'm5']);
    expect(await subscribed(instance)).toEqual({
      position: { epoch: expect.any(String), offset: 5 },
      recovered: true,
      lost: 0,
    });
    await publish(instance, 6, 6);
    expect(await client.next()).toBe('m6');
    const other = await connect(`${instance.wsUrl}/chat?topic=room:1&last=300`);
    expect(await other.take(6)).toEqual(['m1', 'm2', 'm3', 'm4', 'm5', 'm6']);
  });

  it('16.3 since a position; of another epoch, from the future or forgotten it says so', async () => {
    const instance = await startInstance(broker(), { topics: 'room:*', messages: 3 });
    const first = (await instance.server.publish('room:1', 'm1'))!;
    await publish(instance, 2, 3);
    const since = async (position: object) => {
      const client = await connect(
        `${instance.wsUrl}/chat?topic=room:1&since=${encodeURIComponent(JSON.stringify(position))}`,
      );
      return { client, subscription: await subscribed(instance) };
    };
    const good = await since(first);
    expect(await good.client.take(2)).toEqual(['m2', 'm3']);
    expect(good.subscription).toMatchObject({ recovered: true, lost: 0, position: { offset: 3 } });
    expect((await since({ epoch: 'other', offset: 1 })).subscription).toMatchObject({
      recovered: false,
      lost: undefined,
    });
    expect((await since({ ...first, offset: 99 })).subscription).toMatchObject({
      recovered: false,
      lost: undefined,
    });
    await publish(instance, 4, 6);
    const trimmed = await since(first);
    expect(trimmed.subscription).toMatchObject({ recovered: false, lost: 2, position: { offset: 6 } });
    expect(await trimmed.client.take(3)).toEqual(['m4', 'm5', 'm6']);
  });

  it('16.4 a client that comes back gets what it missed, in order, once, and both ends are told', async () => {
    const instance = await startInstance(broker());
    const client = await new ResumingClient(`${instance.wsUrl}/chat?topic=room:1`).connect();
    expect((await client.take('topic')).header).toEqual(['topic', 'room:1', expect.any(String), 0]);
    expect((await instance.events.next('open'))[1]).toBe(false);
    await publish(instance, 1, 2);
    await client.take('message');
    expect((await client.take('message')).payload).toBe('m2');
    await client.cut();
    await publish(instance, 3, 300);
    await client.connect();
    expect((await instance.events.next('open'))[1]).toBe(true);
    expect((await client.take('topic')).header.slice(3)).toEqual([2, true, 0]);
    for (let index = 3; index <= 300; index++)
      expect((await client.take('message')).payload).toBe(`m${index}`);
    expect((await client.take('resumed')).header).toEqual(['resumed', ['room:1']]);
    expect((await instance.events.next('resume'))[0]).toEqual({
      type: 'resume',
      topics: { 'room:1': { recovered: true, lost: 0 } },
    });
    await publish(instance, 301, 301);
    expect((await client.take('message')).payload).toBe('m301');
  });

  it('16.4 what an earlier connection was left out of is left out of the replay', async () => {
    const instance = await startInstance(broker());
    const client = await new ResumingClient(`${instance.wsUrl}/chat?topic=room:1`).connect();
    await client.take('topic');
    client.send('mine');
    const other = await connect(`${instance.wsUrl}/chat?topic=room:1&last=1`);
    expect(await other.next()).toBe('mine');
    await client.cut();
    await publish(instance, 1, 1);
    await client.connect();
    expect((await client.take('topic')).header.slice(3)).toEqual([0, true, 0]);
    expect((await client.take('message')).header).toEqual(['message', 'room:1', 2]);
  });

  it('16.3, 16.4 who brings a position gets what it missed, not the last so many; unless its place is gone', async () => {
    const instance = await startInstance(broker());
    await publish(instance, 1, 5);
    const client = await new ResumingClient(
      `${instance.wsUrl}/chat?topic=room:1&topic=room:2&last=2`,
    ).connect();
    expect((await client.take('topic')).header.slice(3)).toEqual([3]);
    expect((await client.take('message')).payload).toBe('m4');
    expect((await client.take('message')).payload).toBe('m5');
    await client.take('topic');
    await client.cut();
    await publish(instance, 6, 9);
    await client.connect();
    expect((await client.take('topic')).header.slice(3)).toEqual([5, true, 0]);
    for (let index = 6; index <= 9; index++) expect((await client.take('message')).payload).toBe(`m${index}`);
    await client.take('topic');
    expect((await client.take('resumed')).header).toEqual(['resumed', ['room:1', 'room:2']]);
    await client.cut();
    client.places.get('room:1')!.epoch = 'forged';
    await client.connect();
    expect((await client.take('topic')).header.slice(3)).toEqual([7, false, null]);
    expect((await client.take('message')).payload).toBe('m8');
    expect((await client.take('message')).payload).toBe('m9');
    await client.take('topic');
    await client.take('resumed');
  });

  it('16.8 a peer that stops reading while it catches up holds no more than a page, and others are live', async () => {
    const instance = await startInstance(broker());
    const client = await new ResumingClient(`${instance.wsUrl}/chat?topic=room:1`).connect();
    await client.take('topic');
    await client.cut();
    const padding = '-'.repeat(20_000);
    for (let from = 1; from < 901; from += 100) {
      const published = Array.from({ length: 100 }, (_, index) =>
        instance.server.publish('room:1', `m${from + index}${padding}`),
      );
      await Promise.all(published);
    }
    await instance.server.publish('room:1', `m901${padding}`);
    await client.connect();
    client.client.transport.pause();
    await until(() => instance.server.connections.length === 1);
    const [ws] = instance.server.connections;
    await until(() => ws!.bufferedAmount > 256 * 1024);
    const other = await connect(`${instance.wsUrl}/chat?topic=room:1&last=1`);
    await other.next();
    for (let index = 902; index <= 910; index++) {
      await instance.server.publish('room:1', `m${index}${padding}`);
      expect(await other.next()).toBe(`m${index}${padding}`);
      // What may wait, and one page of what is read.
      expect(ws!.bufferedAmount).toBeLessThan(1024 * 1024);
    }
    client.client.transport.resume();
    await client.take('topic');
    for (let index = 1; index <= 910; index++) {
      expect((await client.take('message')).payload).toBe(`m${index}${padding}`);
    }
    await client.take('resumed');
  });

  it('16.4 a peer that half-closes in the middle is gone, and what it missed is there when it comes back', async () => {
    const instance = await startInstance(broker());
    const client = await new ResumingClient(`${instance.wsUrl}/chat?topic=room:1`).connect();
    await client.take('topic');
    await publish(instance, 1, 1);
    await client.take('message');
    client.client.transport.end();
    await client.client.closed;
    await publish(instance, 2, 4);
    await client.connect();
    expect((await client.take('topic')).header.slice(3)).toEqual([1, true, 0]);
    for (let index = 2; index <= 4; index++) expect((await client.take('message')).payload).toBe(`m${index}`);
    await client.take('resumed');
  });

  it('16.6 history reads, forget begins a new epoch', async () => {
    const instance = await startInstance(broker());
    await publish(instance, 1, 5);
    const all = await instance.server.history('room:1');
    expect(all.map(({ data }) => data)).toEqual(['m1', 'm2', 'm3', 'm4', 'm5']);
    const [, second, , fourth] = all;
    expect(
      (await instance.server.history('room:1', { since: second!.position, until: fourth!.position })).map(
        ({ data }) => data,
      ),
    ).toEqual(['m3', 'm4']);
    expect((await instance.server.history('room:1', { last: 2 })).map(({ data }) => data)).toEqual([
      'm4',
      'm5',
    ]);
    expect((await instance.server.history('room:1', { limit: 2 })).map(({ data }) => data)).toEqual([
      'm1',
      'm2',
    ]);
    const client = await new ResumingClient(`${instance.wsUrl}/chat?topic=room:1`).connect();
    await client.take('topic');
    await instance.server.forget('room:1');
    expect((await client.take('topic')).header.slice(3)).toEqual([0, false, null]);
    await client.take('resumed');
    expect(await instance.server.history('room:1')).toEqual([]);
    expect(await instance.server.publish('room:1', 'new')).toMatchObject({ offset: 1 });
    expect((await client.take('message')).payload).toBe('new');
  });
});

describe('while the broker is away', () => {
  it('16.2 publish rejects, also to a topic whose first subscriber came meanwhile; it gets what is published afterwards', async () => {
    const broker = new MemoryBroker();
    const instance = await startInstance(broker);
    broker.fail();
    const client = await connect(`${instance.wsUrl}/chat?topic=room:9`);
    await instance.events.next('open');
    for (const topic of ['room:1', 'room:9', 'room:9']) {
      const publishing = instance.server.publish(topic, 'lost');
      await expect(within(publishing, 2000)).rejects.toThrow(BackplaneError);
    }
    broker.recover();
    await subscribed(instance);
    await instance.server.publish('room:9', 'here');
    expect(await client.next()).toBe('here');
  });

  it('16.2 what nobody awaits is told at once, and then once a second with how many there were', async () => {
    const broker = new MemoryBroker();
    const instance = await startInstance(broker);
    broker.fail();
    const message = async () => ((await instance.events.next('error'))[0] as { message: string }).message;
    expect(await message()).toMatch(/^The backplane is away/);
    for (let count = 0; count < 50; count++) void instance.server.publish('room:1', 'lost');
    expect(await message()).toMatch(/what it remembers can not be reached: the backplane is away/);
    expect(await message()).toMatch(
      /^49 messages were not published in the last second, this is the last: .*the backplane is away/,
    );
    expect(instance.events.unread('error')).toEqual([]);
    void instance.server.publish('room:1', 'lost');
    expect(await message()).toMatch(/what it remembers can not be reached/);
  });
});

it('16.1 history: false has no topic remember, whatever the module says; true is none', async () => {
  const served = { onMessage: () => undefined, onConnection: () => ({ onMessage: () => undefined }) };
  const broker = new MemoryBroker();
  const history = { topics: '*' };
  const { app } = await startApp({ options: { history, backplane: broker.create() } });
  const registry = app.get(WebSocketServerRegistry);
  expect(await registry.create(served, { path: '/module' }).publish('t', 'x')).toMatchObject({ offset: 1 });
  const server = registry.create(served, { path: '/none', history: false });
  expect(await server.publish('t', 'x')).toBeUndefined();
  await expect(server.history('t')).rejects.toThrow(TypeError);
  expect(() => registry.create(served, { path: '/true', history: true as never })).toThrow(
    InvalidOptionError,
  );
  // Of a server that runs elsewhere, too.
  const publisher = app.get(WebSocketPublisher);
  expect(await publisher.server('/elsewhere').publish('t', 'x')).toMatchObject({ offset: 1 });
  expect(await publisher.server('/other', { history: false }).publish('t', 'x')).toBeUndefined();
});

it('16.2 what is published when the application is closed rejects, also where the process remembers', async () => {
  const { app, server } = await startInstance();
  expect(await server.publish('room:1', 'x')).toMatchObject({ offset: 1 });
  await app.close();
  await expect(server.publish('room:1', 'y')).rejects.toThrow(BackplaneError);
  await expect(server.history('room:1')).rejects.toThrow(/the application is closed/);
});

describe('16.4 a client with the sub-protocol that tells no positions', () => {
  async function start(handshakeTimeout?: number) {
    const errors = new Recorder();
    const opened = new Recorder();
    @WSSHandler({ path: '/', handshakeTimeout })
    class Server {
      onConnection() {
        return {
          onOpen: () => opened.push('open'),
          onMessage: () => undefined,
          onError: (_ws: unknown, { errors: [error] }: { errors: object[] }) => errors.push('error', error),
        };
      }
    }
    const { wsUrl } = await startApp({ providers: [Server] });
    const client = await connect(wsUrl, { protocols: ['nestjs-4d-websocket.v1'] });
    return { client, errors, opened };
  }

  it('is waited for no longer than handshakeTimeout; what comes later is told once, and ignored', async () => {
    const { client, errors, opened } = await start(50);
    await within(opened.next('open'), 4000);
    for (let times = 0; times < 3; times++) client.send('["positions",[7],[["room:1","e",1]]]\n');
    expect((await errors.next('error'))[0]).toMatchObject({
      errCode: 1002,
      componentSignature: 'wsck',
      message: 'Positions are ignored that do not come first, once, and within 50 ms',
    });
    await client.close(1000);
    expect(errors.unread('error')).toEqual([]);
  });

  it('is told of the same after a message, and after its positions', async () => {
    for (const first of ['\nhello', '["positions",[],[]]\n']) {
      const { client, errors, opened } = await start();
      client.send(first);
      await within(opened.next('open'), 4000);
      client.send('["positions",[],[]]\n');
      expect((await errors.next('error'))[0]).toMatchObject({ errCode: 1002 });
      expect((await client.close(1000)).code).toBe(1000);
    }
  });
});

it('16.4 onResume does not run after onTerminate', async () => {
  const events = new Recorder();
  const closed = deferred<void>();
  @WSSHandler({ path: '/chat', history: { topics: 'room:*' } })
  class Server {
    onConnection() {
      return {
        async onOpen(ws: WebSocketConnection, { reconnected }: WSOpenEvent) {
          await ws.subscribe('room:1');
          events.push('open');
          // The client is gone before it is open, with all that it missed.
          if (reconnected) await closed.promise;
        },
        onMessage: () => undefined,
        onResume: () => events.push('resume'),
        onTerminate: () => events.push('terminate'),
      };
    }
  }
  const { wsUrl, app } = await startApp({ providers: [Server] });
  const server = app.get(WebSocketServerRegistry).get('/chat')!;
  const client = await new ResumingClient(`${wsUrl}/chat`).connect();
  await client.take('topic');
  await client.cut();
  await events.next('terminate');
  await server.publish('room:1', 'missed');
  await client.connect();
  await client.take('topic');
  expect((await client.take('message')).payload).toBe('missed');
  const [connection] = server.connections;
  await client.cut();
  await until(() => connection!.readyState === 3);
  closed.resolve();
  await events.next('terminate');
  // Whatever was to come after it has come by now.
  await new Promise((resolve) => setImmediate(resolve));
  expect(events.order).toEqual(['open', 'terminate', 'open', 'terminate']);
});
