/** SPEC 14.2, 14.3 and 2 `id`, with a backplane of one's own, and without any. */
import {
  ConnectionHandler,
  WebSocketServerRegistry,
  WSSHandler,
  type WebSocketConnection,
  type WebSocketServer,
  type WSErrorEvent,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { EntryKind, packEnvelope } from '../../lib/cluster/envelope.js';
import { closeApps, createApp, startApp, type TestApp } from '../support/app.js';
import { connect } from '../support/client.js';
import { freePort } from '../support/free-port.js';
import { MemoryBroker, type MemoryBackplane } from '../support/memory-backplane.js';
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
