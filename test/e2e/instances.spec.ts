/** reference 14.2, 14.3 and 2 `id`, with a backplane of one's own, and without any. */
import { openAsBlob } from 'node:fs';
import { mkdtemp, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BackplaneError,
  ConnectionHandler,
  WebSocketServerRegistry,
  WSSHandler,
  type WebSocketConnection,
  type WebSocketServer,
  type WSErrorEvent,
  type Backplane,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { EntryKind, packEnvelope } from '../../lib/instances/envelope.js';
import { closeApps, createApp, startApp, type TestApp } from '../support/app.js';
import { connect } from '../support/client.js';
import { freePort } from '../support/free-port.js';
import { MemoryBroker, type MemoryBackplane } from '../support/memory-backplane.js';
import { within } from '../support/patience.js';
import { Recorder } from '../support/recorder.js';

afterEach(closeApps);

interface TestInstance extends TestApp {
  server: WebSocketServer;
  events: Recorder;
  backplane: MemoryBackplane;
}

/** An instance with one server, /chat, whose connections join the topic they say. */
async function startInstance(broker: MemoryBroker, backplane = broker.create()): Promise<TestInstance> {
  const events = new Recorder();
  @ConnectionHandler()
  class Client {
    onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
      if (data.startsWith('-')) ws.unsubscribe(data.slice(1));
      else ws.subscribe(data);
      return data;
    }
    onOpen(ws: WebSocketConnection) {
      ws.send(String(ws.id));
    }
  }
  @WSSHandler('/chat')
  class Chat {
    onConnection() {
      return Client;
    }
    onError(_wss: WebSocketServer, { errors }: WSErrorEvent) {
      events.push('error', errors);
    }
  }
  const app = await startApp({
    providers: [Chat, Client],
    options: { backplane, maxBufferedAmount: 64 * 1024 * 1024 },
  });
  return { ...app, events, backplane, server: app.app.get(WebSocketServerRegistry).get('/chat')! };
}

/** The first error of the next report of an instance. */
async function nextError({ events }: TestInstance): Promise<{ message: string; componentSignature: string }> {
  const [[first]] = (await events.next('error')) as [[{ message: string; componentSignature: string }]];
  return first;
}

/** Waits until a backplane is subscribed to a channel. */
async function subscribed({ channels }: MemoryBackplane, channel: string): Promise<void> {
  while (!channels.has(channel)) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Waits until so many messages were published on a channel: each instance says first that it is there. */
async function greeted({ published }: MemoryBroker, channel: string, times: number): Promise<void> {
  while (published.filter(([on]) => on === channel).length < times) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function connectTo({ wsUrl }: TestApp) {
  const client = await connect(`${wsUrl}/chat`);
  return { client, id: Number(await client.next()) };
}

describe('without a backplane', () => {
  it('14.2 messages by id, closing by id and counting are local', async () => {
    const events = new Recorder();
    @ConnectionHandler({ path: '/' })
    class Handler {
      onOpen(ws: WebSocketConnection) {
        events.push('open', ws);
      }
      onMessage() {}
    }
    const { app, wsUrl } = await startApp({ providers: [Handler] });
    const server = app.get(WebSocketServerRegistry).get('/')!;
    const client = await connect(wsUrl);
    const [{ id }] = (await events.next('open')) as [WebSocketConnection];
    const other = await connect(wsUrl);
    server.sendTo(id, 'text');
    server.sendTo(id, Buffer.from('binary'));
    server.sendTo(id, { json: 1 });
    server.sendTo(id, new Blob(['blob']));
    expect(await client.take(4)).toEqual(['text', Buffer.from('binary'), '{"json":1}', Buffer.from('blob')]);
    server.broadcast('not for it', { except: id });
    expect(await other.next()).toBe('not for it');
    server.sendTo(id + 1000, 'to nobody');
    expect(await server.countConnections()).toEqual({ connections: 2, instances: 1 });
    server.terminateConnection(id, 4000, 'by id');
    expect(await client.closed).toEqual({ code: 4000, reason: 'by id' });
    server.terminateConnection(id);
    expect(other.unread).toEqual([]);
  });

  it('14.2 what is wrong with a call is thrown', async () => {
    @ConnectionHandler({ path: '/' })
    class Handler {
      onMessage() {}
    }
    const { app } = await startApp({ providers: [Handler] });
    const server = app.get(WebSocketServerRegistry).get('/')!;
    for (const id of [1.5, '1', null, 2 ** 53] as number[]) {
      expect(() => server.sendTo(id, 'x')).toThrow(TypeError);
      expect(() => server.terminateConnection(id)).toThrow(
        /WebSocketServer\.terminateConnection\(\): the id must be that of a connection, a safe integer, got /,
      );
    }
    expect(() => server.sendTo(1, undefined as never)).toThrow(TypeError);
    expect(() => server.terminateConnection(1, 5000)).toThrow(RangeError);
    expect(() => server.terminateConnection(1, 4000, 'x'.repeat(124))).toThrow(RangeError);
    expect(() => server.terminateConnection(1, 4000, 7 as never)).toThrow(TypeError);
    expect(() => server.publish('', 'x')).toThrow(/topic must be a non-empty string/);
    await expect(server.countConnections({ timeout: 0 })).rejects.toThrow(RangeError);
    await expect(server.countConnections({ timeout: '1' as never })).rejects.toThrow(
      /milliseconds above 0, got 1/,
    );
  });
});

describe('with a backplane of one’s own', () => {
  it('14.2 instances reach each other, and do not hear themselves', async () => {
    const broker = new MemoryBroker();
    const [a, b] = [await startInstance(broker), await startInstance(broker)];
    const [onA, onB] = [await connectTo(a), await connectTo(b)];
    a.server.broadcast('hello');
    expect(await onB.client.next()).toBe('hello');
    a.server.sendTo(onB.id, 'to b');
    a.server.sendTo(onA.id, 'to a');
    expect(await onB.client.next()).toBe('to b');
    expect(await onA.client.take(2)).toEqual(['hello', 'to a']);
    expect(await b.server.countConnections()).toEqual({ connections: 2, instances: 2 });
    b.server.terminateConnection(onA.id, 4000);
    expect((await onA.client.closed).code).toBe(4000);
    expect(onA.client.unread).toEqual([]);
    expect(onB.client.unread).toEqual([]);
  });

  it('14.2 what is said in a turn travels as one message a channel', async () => {
    const broker = new MemoryBroker();
    const [a, b] = [await startInstance(broker), await startInstance(broker)];
    const { client } = await connectTo(b);
    client.send('topic');
    await client.next();
    broker.published.length = 0;
    for (let index = 0; index < 100; index++) {
      a.server.broadcast(`all ${index}`);
      a.server.publish('topic', `topic ${index}`);
    }
    const received = await client.take(200);
    expect(received.filter((text) => String(text).startsWith('all'))).toEqual(
      Array.from({ length: 100 }, (_, index) => `all ${index}`),
    );
    expect(broker.published.map(([channel]) => channel)).toEqual(['/chat#all', '/chat#topic:topic']);
  });

  it('14.2 subscriptions follow interest', async () => {
    const broker = new MemoryBroker();
    const { wsUrl, url, port, app, close, ...a } = await startInstance(broker);
    const testApp = { wsUrl, url, port, app, close };
    const [one, two] = [await connectTo(testApp), await connectTo(testApp)];
    const topics = () => [...a.backplane.channels].filter((channel) => channel.includes('#topic'));
    const say = async (client: typeof one, text: string) => {
      client.client.send(text);
      expect(await client.client.next()).toBe(text);
    };
    expect(topics()).toEqual([]);
    await say(one, 'x');
    await say(two, 'x');
    expect(topics()).toEqual(['/chat#topic:x']);
    await say(one, '-x');
    expect(topics()).toEqual(['/chat#topic:x']);
    await say(two, '-x');
    expect(topics()).toEqual([]);
    await say(one, 'y');
    await one.client.close();
    await two.client.close();
    expect(topics()).toEqual([]);
  });

  it('14.3 an outage is told once; a broker that does not keep up is one', async () => {
    const broker = new MemoryBroker();
    const [a, b] = [await startInstance(broker), await startInstance(broker)];
    const [onA, onB] = [await connectTo(a), await connectTo(b)];
    broker.slow = true;
    const megabyte = 'x'.repeat(1024 * 1024);
    for (let index = 0; index < 40; index++) a.server.broadcast(megabyte);
    const [[told]] = (await a.events.next('error')) as [[{ message: string; componentSignature: string }]];
    expect(told.componentSignature).toBe('bkpl');
    expect(told.message).toMatch(
      /^The backplane is away: its broker does not keep up, more than 16777216 bytes wait/,
    );
    // Nobody here waits for the broker.
    expect((await onA.client.take(40)).length).toBe(40);
    expect(await a.server.countConnections()).toEqual({ connections: 1, instances: 1 });
    expect(broker.held.length).toBe(16);
    broker.slow = false;
    for (const release of broker.held.splice(0)) release();
    await onB.client.take(16);
    a.server.broadcast('keeps up');
    expect(await onB.client.next()).toBe('keeps up');
    expect(a.events.unread('error')).toEqual([]);
  });

  it('14.3 a refusal of the broker is told once', async () => {
    const broker = new MemoryBroker();
    const [a, b] = [await startInstance(broker), await startInstance(broker)];
    const { client } = await connectTo(b);
    for (const attempt of [1, 2]) {
      a.backplane.refusal = new Error(`no ${attempt}`);
      a.server.broadcast('refused');
      await new Promise((resolve) => setImmediate(resolve));
      a.server.broadcast(`taken ${attempt}`);
      expect(await client.next()).toBe(`taken ${attempt}`);
    }
    expect((await a.events.next('error'))[0]).toMatchObject([
      {
        message: 'The backplane does not publish on the channel /chat#all: no 1',
        componentSignature: 'bkpl',
      },
      { message: 'no 1', componentSignature: 'bkpl' },
    ]);
    expect(a.events.unread('error')).toEqual([]);
  });

  it('14.3 a Blob that can not be read is lost, and told; what follows arrives', async () => {
    const broker = new MemoryBroker();
    const [a, b] = [await startInstance(broker), await startInstance(broker)];
    const { client } = await connectTo(b);
    const broken = new Blob(['x']);
    broken.arrayBuffer = () => Promise.reject(new Error('gone'));
    a.server.broadcast(broken);
    a.server.broadcast('after it');
    expect(await client.next()).toBe('after it');
    expect((await a.events.next('error'))[0]).toMatchObject([
      { message: 'A Blob could not be read for the other instances: gone', componentSignature: 'bkpl' },
      {},
    ]);
  });

  it('14.3 a topic whose subscription is refused is asked for again, and is heard then', async () => {
    const broker = new MemoryBroker();
    const [a, b] = [await startInstance(broker), await startInstance(broker)];
    const [early, late] = [await connectTo(a), await connectTo(a)];
    a.backplane.refusal = new Error('busy');
    early.client.send('x');
    await early.client.next();
    expect(await nextError(a)).toMatchObject({
      message: 'The backplane refuses to subscribe to the channel /chat#topic:x, and is asked again: busy',
      componentSignature: 'bkpl',
    });
    await subscribed(a.backplane, '/chat#topic:x');
    late.client.send('x');
    await late.client.next();
    b.server.publish('x', 'heard');
    expect([await early.client.next(), await late.client.next()]).toEqual(['heard', 'heard']);
    expect(a.events.unread('error')).toEqual([]);
  });

  it('14.3 a server of run time whose channel is refused is known to the others afterwards', async () => {
    const broker = new MemoryBroker();
    const [a, b] = [await startInstance(broker), await startInstance(broker)];
    const handler = { onConnection: () => ({ onMessage: () => undefined }) };
    const create = ({ app }: TestInstance) =>
      app.get(WebSocketServerRegistry).create(handler, { path: '/new' });
    const onA = create(a);
    b.backplane.refusal = new Error('busy');
    create(b);
    await nextError(b);
    expect(b.backplane.channels.has('/new#all')).toBe(false);
    await subscribed(b.backplane, '/new#all');
    await within(greeted(broker, '/new#all', 2));
    // The broker passes on in the next turn.
    await new Promise((resolve) => setImmediate(resolve));
    expect(await onA.countConnections()).toEqual({ connections: 0, instances: 2 });
  });

  it('14.3 a topic that was joined during an outage is asked for after it, and again if it is refused', async () => {
    const broker = new MemoryBroker();
    const [a, b] = [await startInstance(broker), await startInstance(broker)];
    const { client } = await connectTo(a);
    a.backplane.observer!.away(new Error('gone'));
    expect((await nextError(a)).message).toMatch(/^The backplane is away: .*: gone$/);
    client.send('x');
    await client.next();
    a.backplane.refusal = new Error('busy');
    a.backplane.observer!.back();
    expect((await nextError(a)).message).toMatch(
      /refuses to subscribe to the channel \/chat#topic:x,.* busy$/,
    );
    await subscribed(a.backplane, '/chat#topic:x');
    b.server.publish('x', 'heard');
    expect(await client.next()).toBe('heard');
  });

  it('14.3 an outage that goes on for another reason is told once more', async () => {
    const broker = new MemoryBroker();
    const a = await startInstance(broker);
    const { observer } = a.backplane;
    for (const reason of ['gone', 'gone', 'refused', 'refused', 'gone']) observer!.away(new Error(reason));
    expect((await nextError(a)).message).toMatch(/^The backplane is away: .*: gone$/);
    expect((await nextError(a)).message).toBe('The backplane is still away: refused');
    expect(a.events.unread('error')).toEqual([]);
  });

  it('14.3 a backplane that fails to unsubscribe subscribes all the same', async () => {
    const broker = new MemoryBroker();
    const [a, b] = [await startInstance(broker), await startInstance(broker)];
    const { client } = await connectTo(a);
    client.send('left');
    await client.next();
    a.backplane.unsubscribe = () => {
      throw new RangeError('too many');
    };
    const [connection] = a.server.connections;
    connection!.unsubscribe('left');
    connection!.subscribe('joined');
    expect(await nextError(a)).toMatchObject({
      message: 'The backplane does not unsubscribe from the channel /chat#topic:left: too many',
      componentSignature: 'bkpl',
    });
    b.server.publish('left', 'not heard');
    b.server.publish('joined', 'heard');
    expect(await client.next()).toBe('heard');
    expect(client.unread).toEqual([]);
  });

  it('14.2 an instance alone counts at once', async () => {
    const broker = new MemoryBroker();
    const a = await startInstance(broker);
    await connectTo(a);
    const start = performance.now();
    expect(await a.server.countConnections({ timeout: 10_000 })).toEqual({ connections: 1, instances: 1 });
    const b = await startInstance(broker);
    // Its greeting is under way when it has started.
    await connectTo(b);
    expect(await a.server.countConnections({ timeout: 10_000 })).toEqual({ connections: 2, instances: 2 });
    await b.close();
    expect(await a.server.countConnections({ timeout: 10_000 })).toEqual({ connections: 1, instances: 1 });
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it('14.3 a file that changes under its Blob is lost, and told; what follows arrives', async () => {
    const broker = new MemoryBroker();
    const [a, b] = [await startInstance(broker), await startInstance(broker)];
    const { client } = await connectTo(b);
    const folder = await mkdtemp(join(tmpdir(), 'blob-'));
    try {
      for (const [name, change] of [
        ['gone', unlink],
        ['shorter', (file: string) => truncate(file, 10)],
        ['longer', (file: string) => writeFile(file, Buffer.alloc(200_000))],
      ] as const) {
        const file = join(folder, name);
        await writeFile(file, Buffer.alloc(100_000));
        const blob = await openAsBlob(file);
        await change(file);
        a.server.broadcast(blob);
        a.server.broadcast(`after ${name}`);
        expect(await client.next()).toBe(`after ${name}`);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
    expect(await nextError(a)).toMatchObject({
      message: 'A Blob could not be read for the other instances: The blob could not be read',
      componentSignature: 'bkpl',
    });
    // The others are told together, in a minute at the earliest.
    expect(a.events.unread('error')).toEqual([]);
  });

  describe('that throws whatever it likes', () => {
    const unreadable = Object.defineProperty({}, 'message', {
      get() {
        throw new Error('no message');
      },
    });
    const unreadableError = Object.defineProperty(new Error(), 'message', {
      get() {
        throw new Error('no message');
      },
    });
    const things: [string, unknown, string][] = [
      ['undefined', undefined, 'undefined'],
      ['null', null, 'null'],
      ['a string', 'a word', 'a word'],
      ['a symbol', Symbol('sign'), 'Symbol(sign)'],
      ['an object', { message: 'said' }, 'said'],
      ['an object without a prototype', Object.create(null), 'a value that can not be read was thrown'],
      ['an object that throws when read', unreadable, 'a value that can not be read was thrown'],
      ['an Error that throws when read', unreadableError, 'a value that can not be read was thrown'],
      ['an Error with such a cause', new Error('outer', { cause: unreadableError }), 'outer'],
    ];
    const ways: [string, (thrown: unknown) => () => never][] = [
      [
        'throws',
        (thrown) => () => {
          throw thrown;
        },
      ],
      ['rejects', (thrown) => () => Promise.reject(thrown) as never],
    ];
    const cases = things.flatMap(([thing, thrown, message]) =>
      ways.map(([way, make]) => ({ way, thing, message, fail: make(thrown) })),
    );

    it.each(cases)('1.6 $way $thing at start-up', async ({ fail, message }) => {
      for (const method of ['connect', 'subscribe'] as const) {
        const backplane = new MemoryBroker().create();
        backplane[method] = fail;
        const error: unknown = await startInstance(new MemoryBroker(), backplane).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect(error).toBeInstanceOf(BackplaneError);
        expect((error as Error).message).toBe(
          `MemoryBackplane: ${method}() rejects with what is no Error, or can not be read: ${message}`,
        );
      }
    });

    it.each(cases)('14.3 $way $thing later', async ({ fail, message }) => {
      const unhandled: unknown[] = [];
      const note = (reason: unknown): void => void unhandled.push(reason);
      process.on('unhandledRejection', note);
      try {
        const broker = new MemoryBroker();
        const a = await startInstance(broker);
        const backplane: Backplane = a.backplane;
        const { publish, subscribe } = backplane;
        await connectTo(a);
        const [connection] = Array.from(a.server.connections) as [WebSocketConnection];
        connection.subscribe('first');
        await subscribed(a.backplane, '/chat#topic:first');

        backplane.publish = fail;
        a.server.broadcast('x');
        expect((await nextError(a)).message).toBe(
          `The backplane does not publish on the channel /chat#all: ${message}`,
        );
        backplane.publish = publish;
        backplane.subscribe = fail;
        backplane.unsubscribe = fail;
        connection.unsubscribe('first');
        connection.subscribe('second');
        const told = [(await nextError(a)).message, (await nextError(a)).message];
        expect(told.sort()).toEqual([
          `The backplane does not unsubscribe from the channel /chat#topic:first: ${message}`,
          `The backplane refuses to subscribe to the channel /chat#topic:second, and is asked again: ${message}`,
        ]);
        backplane.subscribe = subscribe;
        await subscribed(a.backplane, '/chat#topic:second');
        backplane.close = fail;
        const { close } = a;
        await expect(close()).resolves.toBeUndefined();
        expect(a.events.unread('error')).toEqual([]);
      } finally {
        process.off('unhandledRejection', note);
      }
      expect(unhandled).toEqual([]);
    });

    it('14.3 and calls its observer when it likes', async () => {
      const broker = new MemoryBroker();
      const backplane = broker.create();
      const connectBroker = backplane.connect.bind(backplane);
      const pester = (): void => {
        const observer = backplane.observer ?? early!;
        for (const bytes of [undefined, null, 'text', 7, {}, new Uint8Array(3), Buffer.alloc(9, 0xc1)]) {
          for (const channel of ['/chat#all', 'unknown', undefined, 7]) {
            observer.receive(channel as string, bytes as Uint8Array);
          }
        }
        observer.back();
        observer.away(undefined as never);
        observer.away('again' as never);
        observer.receive('/chat#all', Buffer.alloc(5));
        observer.back();
        observer.back();
      };
      let early: MemoryBackplane['observer'];
      backplane.connect = async (observer) => {
        early = observer;
        pester();
        await connectBroker(observer);
        pester();
      };
      const a = await startInstance(broker, backplane);
      pester();
      expect(await a.server.countConnections({ timeout: 100 })).toEqual({ connections: 0, instances: 1 });
      const b = await startInstance(broker);
      const { client } = await connectTo(a);
      b.server.broadcast('arrives');
      expect(await client.next()).toBe('arrives');
      await a.close();
      pester();
      const messages = a.events.unread('error').map((values) => (values as [[Error]])[0][0].message);
      expect(messages).toEqual([
        expect.stringMatching(/^A message on the channel \/chat#all is ignored: /),
        expect.stringMatching(/^The backplane is away: .*: undefined$/),
        'The backplane is still away: again',
      ]);
    });
  });

  it('14.2 an entry that asks for what can not be is ignored, and told once', async () => {
    const broker = new MemoryBroker();
    const a = await startInstance(broker);
    const { client, id } = await connectTo(a);
    const channel = [...a.backplane.channels].find((name) => name.startsWith('#instance'))!;
    for (const code of [5000, 1.5, 5001]) {
      broker.deliver(channel, packEnvelope(7, [[EntryKind.TERMINATE, '/chat', id, code, null]]));
    }
    broker.deliver(channel, packEnvelope(7, [[EntryKind.SEND, '/none', Buffer.from('x'), false, id]]));
    broker.deliver(channel, packEnvelope(7, [[EntryKind.SEND, '/chat', Buffer.from('taken'), false, id]]));
    expect(await client.next()).toBe('taken');
    expect((await a.events.next('error'))[0]).toMatchObject([
      {
        message: expect.stringMatching(/is ignored: .*the code must be an integer of at most 4999, got 5000/),
      },
      {},
    ]);
    expect(a.events.unread('error')).toEqual([]);
  });

  it('14.2 a server that is terminated says nothing to the others any more', async () => {
    const broker = new MemoryBroker();
    const a = await startInstance(broker);
    await a.server.terminate();
    broker.published.length = 0;
    a.server.broadcast('too late');
    a.server.sendTo(2 ** 50, 'too late');
    expect(await a.server.countConnections()).toEqual({ connections: 0, instances: 1 });
    expect(broker.published).toEqual([]);
  });

  it('1.6 an application does not start without its broker, and is left closed', async () => {
    const broker = new MemoryBroker();
    const backplane = broker.create();
    backplane.refusal = new Error('no entry');
    await expect(startInstance(broker, backplane)).rejects.toThrow('no entry');
    backplane.subscribe = () => Promise.reject(new Error('no channels'));
    await expect(startInstance(broker, backplane)).rejects.toThrow('no channels');
    expect(broker.members.size).toBe(0);
  });

  it('1.6 the backplane has to be one, and belongs to the module', async () => {
    class Server {
      onConnection() {
        return null;
      }
    }
    const start = async (backplane: unknown, own?: unknown) => {
      const type = class extends Server {};
      WSSHandler({ path: '/', backplane: own as false })(type);
      const app = await createApp({ providers: [type], options: { backplane: backplane as false } });
      await app.init().finally(() => app.close());
    };
    for (const backplane of [true, 'redis://localhost', {}, null, { connect: () => undefined }]) {
      await expect(start(backplane)).rejects.toThrow(
        /FourDWebSocketModule: the option "backplane" must be false or a Backplane, such as new RedisBackplane/,
      );
    }
    await expect(start(false, new MemoryBroker().create())).rejects.toThrow(
      /the option "backplane" must be false; all servers share the one of FourDWebSocketModule.forRoot\(\)/,
    );
    await expect(start(false, false)).resolves.toBeUndefined();
  });

  it('1.6 two servers with one path on two ports would hear each other', async () => {
    const [one, two] = [await freePort(), await freePort()];
    @WSSHandler({ path: '/same', port: one })
    class First {
      onConnection() {
        return null;
      }
    }
    @WSSHandler({ path: '/same', port: two })
    class Second extends First {}
    const start = async (backplane: MemoryBackplane | false) => {
      const app = await createApp({ providers: [First, Second], options: { backplane } });
      await app.init().finally(() => app.close());
    };
    await expect(start(new MemoryBroker().create())).rejects.toThrow(
      /Second: First has the same path on another port.*give one of them another path, or the option backplane: false/,
    );
    await expect(start(false)).resolves.toBeUndefined();
  });

  it('3.2 a server that is created at run time takes part, until it is terminated', async () => {
    const broker = new MemoryBroker();
    const [a, b] = [await startInstance(broker), await startInstance(broker)];
    const handler = { onConnection: () => ({ onMessage: () => undefined }) };
    const servers = [a, b].map(({ app }) =>
      app.get(WebSocketServerRegistry).create(handler, { path: '/new' }),
    );
    const client = await connect(`${b.wsUrl}/new`);
    expect(await servers[0]!.countConnections()).toEqual({ connections: 1, instances: 2 });
    servers[0]!.broadcast('new');
    expect(await client.next()).toBe('new');
    await servers[1]!.terminate();
    expect((await client.closed).code).toBe(1001);
    expect(await servers[0]!.countConnections()).toEqual({ connections: 0, instances: 1 });
    expect(b.backplane.channels.has('/new#all')).toBe(false);
  });

  it('2 ids of several applications never meet', async () => {
    const broker = new MemoryBroker();
    const instances = await Promise.all(Array.from({ length: 5 }, () => startInstance(broker)));
    const ids = new Set<number>();
    for (const instance of instances) {
      for (let count = 0; count < 20; count++) ids.add((await connectTo(instance)).id);
    }
    expect(ids.size).toBe(100);
    expect([...ids].every((id) => Number.isSafeInteger(id) && id > 2 ** 32)).toBe(true);
  });
});
