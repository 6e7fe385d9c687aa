/** A contract's messages in topics that remember (reference 16, 17), and over a backplane (reference 9). */
import {
  ConnectionHandler,
  WebSocketServerRegistry,
  type ConnectionOf,
  type TopicPosition,
  type WebSocketServer,
  type WSResumeEvent,
} from 'nestjs-4d-websocket';
import { FourDWebSocket, type ClientResumeEvent } from 'nestjs-4d-websocket/client';
import { defineContract } from 'nestjs-4d-websocket/contract';
import { z } from 'zod';
import { closeApps, startApp, type TestApp } from '../support/app.js';
import { connect } from '../support/client.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { MemoryBroker, type MemoryBackplane } from '../support/memory-backplane.js';
import { until, within } from '../support/patience.js';
import { Random } from '../support/random.js';
import { Recorder } from '../support/recorder.js';

const room = defineContract({
  receives: { say: z.object({ text: z.string() }) },
  sends: { said: z.object({ from: z.string(), text: z.string() }), bell: z.number() },
  calls: {
    join: { request: z.object({ last: z.number() }), response: z.number() },
    heads: { request: z.object({}), response: z.number() },
  },
});
type Room = typeof room;

interface Instance extends TestApp {
  server: WebSocketServer;
  events: Recorder;
}

const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).toReversed()) await end();
  await closeApps();
});

/** An instance with the path /room; clients with the query `?topic` follow room:1. */
async function startInstance(backplane?: MemoryBackplane, history?: object): Promise<Instance> {
  const events = new Recorder();
  @ConnectionHandler({ path: '/room', contract: room, history: history as never })
  class RoomHandler {
    async onOpen(ws: ConnectionOf<Room>) {
      if ('topic' in ws.request.query) await ws.subscribe('room:1');
      events.push('open', ws);
    }
    onResume(_ws: ConnectionOf<Room>, { topics }: WSResumeEvent) {
      events.push('resume', topics['room:1']);
    }
    async say(ws: ConnectionOf<Room>, { text }: { text: string }) {
      await ws.wss.publish('room:1', room.said({ from: 'Ada', text }));
    }
    async join(ws: ConnectionOf<Room>, { last }: { last: number }) {
      return (await ws.subscribe('room:1', { last }))?.position.offset ?? -1;
    }
    heads(ws: ConnectionOf<Room>) {
      return ws.wss.connections.length;
    }
  }
  const app = await startApp({ options: { backplane }, providers: [RoomHandler] });
  return { ...app, events, server: app.app.get(WebSocketServerRegistry).get('/room')! };
}

/** A client of ours that writes down what it is told. */
function open(url: string) {
  const heard: unknown[] = [];
  const events = new Recorder();
  const ws = new FourDWebSocket(
    url,
    {
      said: (_ws: unknown, data: { from: string; text: string }) => void heard.push(data.text),
      bell: (_ws: unknown, data: number) => void heard.push(data),
      onOpen: () => events.push('open'),
      onError: (_ws: unknown, event: unknown) => events.push('error', event),
      onDisconnect: () => events.push('disconnect'),
      onResume: (_ws: unknown, { topics }: ClientResumeEvent) => events.push('resume', topics['room:1']),
    },
    { contract: room, reconnect: { minDelay: 1, maxDelay: 5 } },
  );
  ended.push(() => ws.terminate());
  return { ws, heard, events };
}

async function say({ server }: Instance, ...texts: string[]): Promise<TopicPosition[]> {
  const positions: TopicPosition[] = [];
  for (const text of texts)
    positions.push((await server.publish('room:1', room.said({ from: 'Ada', text })))!);
  return positions;
}

describe.each([
  ['the memory of the process', () => undefined],
  ['a broker', () => new MemoryBroker().create()],
])('a message of a contract, in %s', (_name, backplane) => {
  const start = () => startInstance(backplane(), { topics: 'room:*' });

  it('is remembered, and comes once after the line was cut', async () => {
    const instance = await start();
    const proxy = await CuttingProxy.start(new Random(17), [instance.port], 1_000);
    ended.push(() => proxy.close());
    const { ws, heard, events } = open(`${proxy.url}/room?topic`);
    await within(instance.events.next('open'));
    ws.send(room.say({ text: 'before' }));
    await until(() => heard.length === 1);

    proxy.goDown();
    await within(events.next('disconnect'));
    await say(instance, 'missed 1', 'missed 2');
    proxy.isDown = false;
    expect(await within(events.next('resume'))).toEqual([{ recovered: true, lost: 0 }]);
    expect(heard).toEqual(['before', 'missed 1', 'missed 2']);
    expect(await within(instance.events.next('resume'))).toMatchObject([{ recovered: true, lost: 0 }]);

    ws.send(room.say({ text: 'after' }));
    // Whatever would come twice has come by the answer.
    expect(await ws.call(room.heads({}))).toBe(1);
    expect(heard).toEqual(['before', 'missed 1', 'missed 2', 'after']);
  });

  it('comes once, in order, however often the line is cut', async () => {
    const COUNT = 1_000;
    const instance = await start();
    const proxy = await CuttingProxy.start(new Random(18), [instance.port], 4_000);
    ended.push(() => proxy.close());
    const { heard } = open(`${proxy.url}/room?topic`);
    await within(instance.events.next('open'));
    // It knows where it stands from its first message on.
    await say(instance, 'first');
    await until(() => heard.length === 1);
    proxy.cut();
    for (let n = 0; n < COUNT; n++) await say(instance, `m${n}`);
    proxy.rest();
    await until(() => heard.length > COUNT);
    await say(instance, 'last');
    await until(() => heard.at(-1) === 'last');
    expect(heard).toEqual(['first', ...Array.from({ length: COUNT }, (_, n) => `m${n}`), 'last']);
    expect(proxy.cuts).toBeGreaterThan(5);
  });

  it('is among the last two of who is new, before what comes live', async () => {
    const instance = await start();
    await say(instance, 'a', 'b', 'c');
    const { ws, heard } = open(`${instance.wsUrl}/room`);
    expect(await ws.call(room.join({ last: 2 }))).toBe(3);
    await until(() => heard.length === 2);
    await say(instance, 'd');
    await until(() => heard.length >= 3);
    expect(heard).toEqual(['b', 'c', 'd']);

    // A client of another's gets the notification as it is.
    const plain = await connect(`${instance.wsUrl}/room`);
    plain.send('{"jsonrpc":"2.0","method":"join","params":{"last":1},"id":1}');
    expect(new Set((await plain.take(2)).map((text) => JSON.parse(String(text))))).toEqual(
      new Set([
        { jsonrpc: '2.0', method: 'said', params: { from: 'Ada', text: 'd' } },
        { jsonrpc: '2.0', id: 1, result: 4 },
      ]),
    );
  });

  it('is what wss.history() gives', async () => {
    const instance = await start();
    const [first, second] = await say(instance, 'a', 'b');
    await instance.server.publish('room:1', room.bell(3));
    expect(await instance.server.history('room:1', { last: 10 })).toMatchObject([
      { position: first, data: { jsonrpc: '2.0', method: 'said', params: { from: 'Ada', text: 'a' } } },
      { position: second, data: { jsonrpc: '2.0', method: 'said', params: { from: 'Ada', text: 'b' } } },
      { data: { jsonrpc: '2.0', method: 'bell', params: [3] } },
    ]);
  });
});

describe('a contract over a backplane', () => {
  it.each([
    ['without history', undefined],
    ['with history', { topics: 'room:*' }],
  ])('broadcast and publish, to a topic %s, reach clients of other instances', async (_name, history) => {
    const broker = new MemoryBroker();
    const [one, two] = [
      await startInstance(broker.create(), history),
      await startInstance(broker.create(), history),
    ];
    const here = open(`${one.wsUrl}/room?topic`);
    const there = open(`${two.wsUrl}/room?topic`);
    const outside = open(`${two.wsUrl}/room`);
    for (const { events } of [here, there, outside]) await within(events.next('open'));
    for (const { events } of [one, two]) await within(events.next('open'));

    await say(one, 'published');
    await until(() => here.heard.length === 1 && there.heard.length === 1);
    one.server.broadcast(room.bell(1));
    const all = [here, there, outside];
    await until(() => all.every(({ heard }) => heard.at(-1) === 1));
    here.ws.send(room.say({ text: 'by a client' }));
    await until(() => here.heard.length === 3 && there.heard.length === 3);
    expect(here.heard).toEqual(['published', 1, 'by a client']);
    expect(there.heard).toEqual(here.heard);
    expect(outside.heard).toEqual([1]);
  });

  it('sendTo, and who is left out', async () => {
    const broker = new MemoryBroker();
    const [one, two] = [await startInstance(broker.create()), await startInstance(broker.create())];
    const first = open(`${two.wsUrl}/room?topic`);
    const [connection] = (await within(two.events.next('open'))) as [ConnectionOf<Room>];
    const second = open(`${two.wsUrl}/room?topic`);
    await within(two.events.next('open'));
    one.server.sendTo(connection.id, room.bell(7));
    await until(() => first.heard.length === 1);
    await one.server.publish('room:1', room.bell(8), { except: connection.id as never });
    one.server.broadcast(room.bell(9));
    await until(() => first.heard.at(-1) === 9 && second.heard.at(-1) === 9);
    expect(first.heard).toEqual([7, 9]);
    expect(second.heard).toEqual([8, 9]);
  });
});
