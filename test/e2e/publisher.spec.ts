/** reference 16.6: publishing to the clients of servers that run elsewhere. */
import { NestFactory } from '@nestjs/core';
import { Injectable, Module, type INestApplicationContext } from '@nestjs/common';
import {
  FourDWebSocketModule,
  InvalidHandlerError,
  InvalidOptionError,
  WebSocketPublisher,
  WebSocketServerRegistry,
  WSSHandler,
  type Backplane,
  type WebSocketConnection,
} from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { connect } from '../support/client.js';
import { MemoryBroker } from '../support/memory-backplane.js';
import { within } from '../support/patience.js';
import { ResumingClient } from '../support/resuming-client.js';

const contexts: INestApplicationContext[] = [];

afterEach(async () => {
  await Promise.all(contexts.splice(0).map((context) => context.close()));
  await closeApps();
});

const HISTORY = { topics: 'room:*' };

@WSSHandler({ path: '/chat', history: HISTORY, dataType: 'object' })
class Server {
  onConnection() {
    return {
      onOpen(ws: WebSocketConnection) {
        ws.send(String(ws.id));
        return Promise.all([ws.subscribe('room:1'), ws.subscribe('lobby')]);
      },
      onMessage: () => undefined,
    };
  }
}

async function startInstance(broker: MemoryBroker) {
  const app = await startApp({ options: { backplane: broker.create() }, providers: [Server] });
  const client = await connect(`${app.wsUrl}/chat`);
  return { ...app, client, id: Number(await client.next()) };
}

/** An application without HTTP: a worker. */
async function startWorker(backplane?: Backplane): Promise<WebSocketPublisher> {
  @Injectable()
  class Jobs {
    constructor(readonly publisher: WebSocketPublisher) {}
  }
  @Module({ imports: [FourDWebSocketModule.forRoot({ backplane })], providers: [Jobs] })
  class WorkerModule {}
  const context = await NestFactory.createApplicationContext(WorkerModule, { logger: false });
  contexts.push(context);
  return context.get(Jobs).publisher;
}

describe('WebSocketPublisher', () => {
  it('16.6 an application without HTTP reaches the clients of all instances', async () => {
    const broker = new MemoryBroker();
    const [a, b] = [await startInstance(broker), await startInstance(broker)];
    const chat = (await startWorker(broker.create())).server('/chat', {
      history: HISTORY,
      dataType: 'object',
    });
    chat.broadcast('to all');
    expect([await a.client.next(), await b.client.next()]).toEqual(['to all', 'to all']);
    expect(await chat.publish('room:1', { n: 1 })).toEqual({ epoch: expect.any(String), offset: 1 });
    expect([await a.client.next(), await b.client.next()]).toEqual(['{"n":1}', '{"n":1}']);
    expect(await chat.publish('lobby', 'here')).toBeUndefined();
    expect([await a.client.next(), await b.client.next()]).toEqual(['here', 'here']);
    await chat.publish(['lobby', 'other'], 'once', { except: a.id });
    expect(await b.client.next()).toBe('once');
    chat.sendTo(b.id, 'to one');
    expect(await b.client.next()).toBe('to one');
    expect(await chat.history('room:1')).toEqual([
      { position: expect.objectContaining({ offset: 1 }), data: { n: 1 } },
    ]);
    // All that there are have answered: nobody waits for more.
    const asked = performance.now();
    expect(await chat.countConnections({ timeout: 20_000 })).toEqual({ connections: 2, instances: 2 });
    expect(performance.now() - asked).toBeLessThan(5000);
    expect(await chat.countConnections({ timeout: 20_000 })).toEqual({ connections: 2, instances: 2 });
    chat.terminateConnection(a.id, 4000, 'bye');
    expect(await a.client.closed).toEqual({ code: 4000, reason: 'bye' });
    // The worker is no instance of the server: nobody waits for it.
    const started = performance.now();
    expect(
      await b.app.get(WebSocketServerRegistry).get('/chat')!.countConnections({ timeout: 5000 }),
    ).toEqual({ connections: 1, instances: 2 });
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('16.6 what is published last arrives though the worker ends at once', async () => {
    const broker = new MemoryBroker();
    const { client } = await startInstance(broker);
    const chat = (await startWorker(broker.create())).server('/chat', { history: HISTORY });
    void chat.publish('room:1', 'last words');
    chat.broadcast('goodbye');
    await contexts.pop()!.close();
    expect((await client.take(2)).sort()).toEqual(['goodbye', 'last words']);
  });

  it('16.6 in the process of the server it is the server', async () => {
    const { app } = await startInstance(new MemoryBroker());
    expect(app.get(WebSocketPublisher).server('/chat')).toBe(app.get(WebSocketServerRegistry).get('/chat'));
  });

  it('16.6 asked for before the server runs here, it reaches the clients of this process, too', async () => {
    const broker = new MemoryBroker();
    @Injectable()
    class Early {
      readonly chat;
      constructor(publisher: WebSocketPublisher) {
        this.chat = publisher.server('/chat', { history: HISTORY });
      }
    }
    const options = { backplane: broker.create() };
    const app = await startApp({ options, providers: [Server, Early] });
    const own = await connect(`${app.wsUrl}/chat`);
    const id = Number(await own.next());
    const { client: other } = await startInstance(broker);
    const { chat } = app.app.get(Early);
    chat.broadcast('to all');
    expect([await own.next(), await other.next()]).toEqual(['to all', 'to all']);
    await chat.publish('room:1', 'remembered');
    await chat.publish('lobby', 'here');
    expect((await own.take(2)).sort()).toEqual(['here', 'remembered']);
    expect((await other.take(2)).sort()).toEqual(['here', 'remembered']);
    chat.sendTo(id, 'to one');
    expect(await own.next()).toBe('to one');
    expect(await chat.countConnections()).toEqual({ connections: 2, instances: 2 });
  });

  it('16.6 forget reaches the clients of all instances at once, whoever asks for it', async () => {
    const broker = new MemoryBroker();
    const [a, b] = [await startInstance(broker), await startInstance(broker)];
    const chat = (await startWorker(broker.create())).server('/chat', { history: HISTORY });
    await chat.publish('room:1', 'x');
    const clients = await Promise.all(
      [a, b].map(({ wsUrl }) => new ResumingClient(`${wsUrl}/chat`).connect()),
    );
    for (const client of clients) {
      await client.take('application');
      await client.take('topic');
    }
    const servers = [a.app.get(WebSocketServerRegistry).get('/chat')!, chat];
    for (const server of servers) {
      await server.forget('room:1');
      for (const client of clients) {
        expect((await within(client.take('topic'), 5000)).header.slice(3)).toEqual([0, false, null]);
        await client.take('resumed');
      }
    }
  });

  it('16.6 without a backplane a server that is not here is an error', async () => {
    const publisher = await startWorker();
    expect(() => publisher.server('/chat')).toThrow(InvalidHandlerError);
    expect(() => publisher.server('/chat')).toThrow(
      /no server of the path \/chat runs in this process.*backplane/,
    );
  });

  it.each<[string, () => Promise<unknown>, RegExp]>([
    [
      'rejects with what has no text',
      () => Promise.reject(Object.create(null)),
      /the message is not published/,
    ],
    ['rejects with undefined', () => Promise.reject(), /the message is not published: undefined/],
    [
      'throws',
      () => {
        throw new Error('at once');
      },
      /at once/,
    ],
    [
      'resolves with nothing',
      () => Promise.resolve(),
      /append\(\) of the backplane resolved with no position/,
    ],
  ])(
    '16.2 a backplane whose history %s: publish rejects with a BackplaneError',
    async (_how, append, message) => {
      const backplane = new MemoryBroker().create();
      Object.defineProperty(backplane, 'history', { value: { ...backplane.history, append } });
      const { app } = await startApp({ options: { backplane }, providers: [Server] });
      const server = app.get(WebSocketServerRegistry).get('/chat')!;
      for (let times = 0; times < 2; times++) {
        await expect(server.publish('room:1', 'x')).rejects.toMatchObject({
          name: 'BackplaneError',
          message: expect.stringMatching(message),
        });
      }
    },
  );

  it('16.1, 16.6 a history where the backplane does not remember is an error', async () => {
    const forgetful = new MemoryBroker().create();
    Object.defineProperty(forgetful, 'history', { value: undefined });
    const publisher = await startWorker(forgetful);
    expect(() => publisher.server('/chat', { history: HISTORY })).toThrow(InvalidOptionError);
    await expect(startApp({ options: { backplane: forgetful }, providers: [Server] })).rejects.toThrow(
      /MemoryBackplane/,
    );
    expect(() => publisher.server('/x', { histroy: HISTORY } as never)).toThrow(/"history"/);
  });
});
