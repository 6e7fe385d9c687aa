/**
 * reference §2 to §5, line by line: the names of the tests are the promises.
 */
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { ForbiddenException, HttpException, Injectable, UnauthorizedException } from '@nestjs/common';
import { finalize, from, interval, map, of, throwError } from 'rxjs';
import {
  ConnectionHandler,
  OnConnection,
  OnMessage,
  WebSocketConnection,
  WebSocketServer,
  WebSocketServerRegistry,
  WSSHandler,
  type WSConnectionEvent,
  type WSErrorEvent,
  type WSMessageEvent,
  type WSTerminateEvent,
} from 'nestjs-4d-websocket';
import { closeApps, createApp, startApp } from '../support/app.js';
import { connect, connectRefused } from '../support/client.js';
import { serveConnections } from '../support/connection-app.js';
import { deferred } from '../support/deferred.js';
import { within } from '../support/patience.js';
import { clientFrame, connectRaw } from '../support/raw-client.js';
import { Recorder } from '../support/recorder.js';

afterEach(closeApps);

async function* generate(...values: unknown[]) {
  yield* values;
}

/** A server at `/` whose connections run the given function for each message. */
const serve = (
  onMessage: (ws: WebSocketConnection, data: never) => unknown,
  options?: Parameters<typeof ConnectionHandler>[0],
) => serveConnections(options, onMessage);

/** A connection of a server that does nothing with messages, from both sides. */
async function open(options?: Parameters<typeof ConnectionHandler>[0]) {
  const served = await serve(() => undefined, options);
  const client = await connect(served.wsUrl);
  const [ws] = await served.events.next('open');
  return { ...served, client, ws: ws as WebSocketConnection };
}

describe('§2 WebSocketConnection', () => {
  it('handler is the object that serves the connection, and the same object in every hook', async () => {
    const { ws, Handler, client, events } = await open();
    expect(ws.handler).toBeInstanceOf(Handler);
    await client.close();
    const [, terminated] = await events.next('terminate');
    expect(terminated).toBe(ws);
  });

  it('id is a safe integer, unique, and never reused', async () => {
    const { wsUrl, ws, client, events } = await open();
    await client.close();
    const others = await Promise.all([connect(wsUrl), connect(wsUrl)]);
    const [second] = (await events.next('open')) as [WebSocketConnection];
    const [third] = (await events.next('open')) as [WebSocketConnection];
    const ids = [ws.id, second.id, third.id];
    expect(ids.every(Number.isSafeInteger)).toBe(true);
    expect(new Set(ids).size).toBe(3);
    expect(others).toHaveLength(2);
  });

  it("status is 'Connected', 'Closing' once a side began the closing handshake, then 'Closed'", async () => {
    const { ws, events } = await open();
    expect(ws.status).toBe('Connected');
    ws.terminate();
    expect(ws.status).toBe('Closing');
    await events.next('terminate');
    expect(ws.status).toBe('Closed');
  });

  it('wss is the parent server', async () => {
    const { ws, server } = await open();
    expect(ws.wss).toBe(server);
    expect(ws.wss).toBeInstanceOf(WebSocketServer);
  });

  it('request is the handshake request', async () => {
    const { ws } = await open();
    expect(ws.request.url).toBe('/');
    expect(ws.request.remoteAddress).toBe('127.0.0.1');
  });

  it('data is an object of the application’s own, the same that is request.data in onConnection', async () => {
    interface User {
      user?: string;
    }
    const events = new Recorder();
    @ConnectionHandler()
    class Handler {
      onOpen(ws: WebSocketConnection<User>) {
        events.push('open', ws.data, ws.data.user);
      }
      onMessage(ws: WebSocketConnection<User>, { data }: WSMessageEvent<string>) {
        ws.data.user += data;
        return ws.data.user;
      }
      onTerminate(ws: WebSocketConnection<User>) {
        events.push('terminate', ws.data, ws.data.user);
      }
    }
    @WSSHandler('/')
    class Server {
      onConnection(_wss: WebSocketServer, { request }: WSConnectionEvent) {
        (request.data as User).user = 'Ada';
        events.push('connection', request.data);
        return Handler;
      }
    }
    const { wsUrl } = await startApp({ providers: [Server, Handler] });
    const client = await connect(wsUrl);
    const [first] = await events.next('connection');
    expect((await events.next('open'))[0]).toBe(first);
    client.send('!');
    expect(await client.next()).toBe('Ada!');
    await client.close();
    const [last, user] = await events.next('terminate');
    expect(last).toBe(first);
    expect(user).toBe('Ada!');
    await connect(wsUrl);
    const [other] = await events.next('connection');
    expect(other).not.toBe(first);
    expect(other).toEqual({ user: 'Ada' });
  });

  it('data is an object where nobody asked for it before, and of each connection its own', async () => {
    const { ws, wsUrl, nextConnection } = await open();
    expect(typeof ws.data).toBe('object');
    expect(Object.keys(ws.data)).toEqual([]);
    expect(ws.data).toBe(ws.data);
    expect(ws.request.data).toBe(ws.data);
    await connect(wsUrl);
    expect((await nextConnection()).data).not.toBe(ws.data);
  });

  it('readyState is as in ws: 1, 2 once a side began the closing handshake, then 3', async () => {
    const { ws, events } = await open();
    expect(ws.readyState).toBe(1);
    ws.terminate();
    expect(ws.readyState).toBe(2);
    await events.next('terminate');
    expect(ws.readyState).toBe(3);
  });

  it('remoteAddress is that of the request', async () => {
    const served = await serve(() => undefined, { trustProxy: true });
    const client = await connect(served.wsUrl, { headers: { 'X-Forwarded-For': '1.2.3.4' } });
    const ws = await served.nextConnection();
    expect(ws.remoteAddress).toBe('1.2.3.4');
    await client.close();
    expect(ws.remoteAddress).toBe('1.2.3.4');
  });

  it.each(['id', 'readyState', 'remoteAddress'] as const)('%s can not be written to', async (member) => {
    const { ws } = await open();
    const before: unknown = ws[member];
    expect(before).toBeDefined();
    expect(Reflect.set(ws, member, -1)).toBe(false);
    expect(ws[member]).toBe(before);
  });

  it('handler, id, status, wss, request and bufferedAmount are read-only', async () => {
    const { ws } = await open();
    for (const member of ['handler', 'status', 'wss', 'request', 'bufferedAmount', 'topics'] as const) {
      expect(
        () => Reflect.set(ws, member, 1) && (ws as unknown as Record<string, unknown>)[member] === 1,
      ).not.toThrow();
      expect((ws as unknown as Record<string, unknown>)[member]).not.toBe(1);
    }
  });

  describe('2.1 send', () => {
    it.each([
      ['a string as a text frame', 'héllo ✓', 'héllo ✓', false],
      ['an empty string', '', '', false],
      ['a Buffer as a binary frame', Buffer.from([1, 2, 3]), Buffer.from([1, 2, 3]), true],
      ['an ArrayBuffer', new Uint8Array([4, 5]).buffer, Buffer.from([4, 5]), true],
      ['a SharedArrayBuffer', new SharedArrayBuffer(2), Buffer.from([0, 0]), true],
      ['a view', new Uint16Array([258]).subarray(0, 1), Buffer.from([2, 1]), true],
      ['a DataView', new DataView(new Uint8Array([9, 8, 7]).buffer, 1, 1), Buffer.from([8]), true],
      ['an empty Buffer', Buffer.alloc(0), Buffer.alloc(0), true],
      ['a Blob', new Blob(['blob']), Buffer.from('blob'), true],
      ['an object as its JSON in a text frame', { a: [1, null] }, '{"a":[1,null]}', false],
      ['an array as its JSON', [1, 'x'], '[1,"x"]', false],
      ['an object with toJSON', new Date(0), '"1970-01-01T00:00:00.000Z"', false],
    ])('sends %s', async (_what, message, expected, isBinary) => {
      const { ws, client } = await open();
      expect(ws.send(message)).toBeUndefined();
      expect(await client.nextReceived()).toEqual({ data: expected, isBinary });
    });

    it.each([125, 126, 127, 4095, 4096, 65535, 65536, 1_000_000])('frames %i bytes', async (length) => {
      const { ws, client } = await open();
      ws.send('x'.repeat(length));
      ws.send(Buffer.alloc(length, 1));
      expect(await client.next()).toHaveLength(length);
      expect(await client.next()).toEqual(Buffer.alloc(length, 1));
    });

    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    it.each([
      ['undefined', undefined, /undefined/],
      ['null', null, /null/],
      ['a function', () => 1, /a function/],
      ['a symbol', Symbol('s'), /a symbol/],
      ['a number', 12, /a number/],
      ['a boolean', true, /a boolean/],
      ['a bigint', 1n, /a bigint/],
      ['a cycle', cyclic, /an Object has no JSON.*circular/is],
      ['a bigint inside', { n: 1n }, /an Object has no JSON.*BigInt/is],
      ['an object whose toJSON gives undefined', { toJSON: () => undefined }, /no JSON/],
    ])('throws a TypeError that names the type for %s, and sends nothing', async (_what, message, text) => {
      const { ws, client } = await open();
      expect(() => ws.send(message as never)).toThrow(TypeError);
      expect(() => ws.send(message as never)).toThrow(text);
      ws.send('next');
      expect(await client.next()).toBe('next');
    });

    it("does nothing on a connection that is not 'Connected'", async () => {
      const { ws, client, events } = await open();
      ws.terminate();
      ws.send('late');
      ws.send(12 as never);
      await client.closed;
      await events.next('terminate');
      ws.send('later');
      expect(client.unread).toEqual([]);
      expect(ws.bufferedAmount).toBe(0);
    });

    it.each([false, true])(
      'keeps the order whatever the types (compression: %s)',
      async (perMessageDeflate) => {
        const { ws, client } = await open({ perMessageDeflate });
        const messages = [
          '1',
          new Blob(['2']),
          Buffer.from('3'),
          { n: 4 },
          new Blob(['5'.repeat(5000)]),
          'x'.repeat(5000),
          '7',
        ];
        for (const message of messages) ws.send(message);
        const received = (await client.take(messages.length)).map(String);
        expect(received).toEqual(['1', '2', '3', '{"n":4}', '5'.repeat(5000), 'x'.repeat(5000), '7']);
      },
    );
  });

  describe('2.2 terminate', () => {
    it('sends code and message when 3000 < code ≤ 4999', async () => {
      const { ws, client } = await open();
      ws.terminate(4001, 'bye ✓');
      expect(await client.closed).toEqual({ code: 4001, reason: 'bye ✓' });
    });

    it.each([3001, 4999])('sends the code %i', async (code) => {
      const { ws, client } = await open();
      ws.terminate(code);
      expect(await client.closed).toEqual({ code, reason: '' });
    });

    it.each([undefined, 3000, 1000, 0, -1])(
      'sends no status with the code %s: the client sees 1005',
      async (code) => {
        const { ws, client } = await open();
        ws.terminate(code, 'not sent');
        expect(await client.closed).toEqual({ code: 1005, reason: '' });
      },
    );

    it.each([
      ['a code above 4999', 5000, undefined, /5000/],
      ['a code that is no integer', 1.5, undefined, /1\.5/],
      ['NaN', NaN, undefined, /NaN/],
      ['a message over 123 bytes', 4000, 'x'.repeat(124), /123.*124/],
      ['a message over 123 bytes of UTF-8', 4000, 'é'.repeat(62), /123.*124/],
    ])('throws a RangeError for %s, and leaves the connection open', async (_what, code, message, text) => {
      const { ws, client } = await open();
      expect(() => ws.terminate(code, message)).toThrow(RangeError);
      expect(() => ws.terminate(code, message)).toThrow(text);
      expect(ws.status).toBe('Connected');
      ws.send('still here');
      expect(await client.next()).toBe('still here');
    });

    it('does nothing at a second call', async () => {
      const { ws, client } = await open();
      ws.terminate(4001);
      ws.terminate(4002);
      expect((await client.closed).code).toBe(4001);
    });

    it('delivers everything sent before it', async () => {
      const { ws, client } = await open();
      ws.send('first');
      ws.send(new Blob(['second']));
      ws.send('third');
      ws.terminate(4000);
      expect((await client.take(3)).map(String)).toEqual(['first', 'second', 'third']);
      expect((await client.closed).code).toBe(4000);
    });

    it('destroys the socket if the client has not answered within closeTimeout', async () => {
      const { ws, client, events } = await open({ closeTimeout: 50 });
      client.socket.pause();
      ws.terminate(4000);
      const [event] = (await events.next('terminate')) as [WSTerminateEvent];
      expect(event.code).toBe(1006);
      client.socket.resume();
    });
  });
});

describe('§3 WebSocketServer', () => {
  it('has connections, dataType, handler, path and terminated', async () => {
    @WSSHandler({ path: '/a/:b', dataType: 'blob' })
    class Server {
      onConnection() {
        return null;
      }
    }
    const { app } = await startApp({ providers: [Server] });
    const server = app.get(WebSocketServerRegistry).get(Server)!;
    expect(server.connections.length).toBe(0);
    expect(server.dataType).toBe('blob');
    expect(server.handler).toBe(app.get(Server));
    expect(server.path).toBe('/a/:b');
    expect(server.terminated).toBe(false);
  });

  it("dataType is 'text' by default; path is undefined when the server manages all connections", async () => {
    const { server, app } = await serve(() => undefined, {});
    expect(server.dataType).toBe('text');
    const pathless = app.get(WebSocketServerRegistry).create({ onConnection: () => null });
    expect(pathless.path).toBeUndefined();
  });

  it('terminate() closes every connection with 1001 and runs its onTerminate, then the server handler’s', async () => {
    const events: string[] = [];
    @ConnectionHandler()
    class Handler {
      onMessage() {}
      async onTerminate() {
        await new Promise(setImmediate);
        events.push('connection');
      }
    }
    @WSSHandler('/')
    class Server {
      onConnection() {
        return Handler;
      }
      onTerminate(_wss: WebSocketServer, event: object) {
        events.push('server');
        expect(event).toEqual({ type: 'terminate' });
      }
    }
    const { app, wsUrl } = await startApp({ providers: [Server, Handler] });
    const server = app.get(WebSocketServerRegistry).get(Server)!;
    const clients = [await connect(wsUrl), await connect(wsUrl)];
    const terminated = server.terminate();
    expect(server.terminate()).toBe(terminated);
    expect(await connectRefused(wsUrl)).toMatchObject({ status: 503 });
    await terminated;
    expect(server.terminated).toBe(true);
    expect(await Promise.all(clients.map(({ closed }) => closed))).toEqual([
      { code: 1001, reason: '' },
      { code: 1001, reason: '' },
    ]);
    expect(events).toEqual(['connection', 'connection', 'server']);
    expect(app.get(WebSocketServerRegistry).get(Server)).toBeUndefined();
    expect(await connectRefused(wsUrl)).toMatchObject({ status: 404 });
  });

  it('terminated is true once no connection is left, so in the server’s onTerminate', async () => {
    const events = new Recorder();
    @WSSHandler('/')
    class Server {
      onConnection() {
        return { onMessage: () => undefined, onOpen: (ws: WebSocketConnection) => events.push('open', ws) };
      }
      onTerminate(wss: WebSocketServer) {
        events.push('terminate', wss.terminated, wss.connections.length);
      }
    }
    const { app, wsUrl } = await startApp({ providers: [Server] });
    const client = await connect(wsUrl);
    await events.next('open');
    const server = app.get(WebSocketServerRegistry).get(Server)!;
    const terminated = server.terminate();
    expect(server.terminated).toBe(false);
    await terminated;
    expect((await client.closed).code).toBe(1001);
    expect(await events.next('terminate')).toEqual([true, 0]);
  });

  it.each<[string, (server: WebSocketServer, message: never) => void]>([
    ['broadcast', (server, message) => server.broadcast(message)],
    ['publish', (server, message) => server.publish('topic', message)],
    ['sendTo', (server, message) => server.sendTo(1, message)],
  ])('%s throws a TypeError that names it for what can not be sent', async (method, call) => {
    const { server } = await open();
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    for (const message of [12, undefined, null, true, 10n, () => undefined, cycle, { id: 10n }]) {
      expect(() => call(server, message as never)).toThrow(TypeError);
      expect(() => call(server, message as never)).toThrow(new RegExp(`^WebSocketServer\\.${method}\\(\\)`));
    }
  });

  describe('3.1 connections', () => {
    it('at(index) counts from the first, or from the last', async () => {
      const { server, wsUrl, nextConnection } = await serve(() => undefined);
      const { connections } = server;
      expect([connections.at(0), connections.at(-1)]).toEqual([undefined, undefined]);
      const all: WebSocketConnection[] = [];
      for (let index = 0; index < 3; index++) {
        await connect(wsUrl);
        all.push(await nextConnection());
      }
      for (const index of [0, 1, 2, -1, -2, -3]) expect(connections.at(index)).toBe(all.at(index));
      for (const index of [3, -4, 100, NaN]) expect(connections.at(index)).toBe(all.at(index));
    });

    it('has the array methods with their meanings, length and get(id)', async () => {
      const { server, wsUrl, events } = await serve(() => undefined);
      const clients = [];
      for (let index = 0; index < 3; index++) {
        clients.push(await connect(wsUrl));
        await events.next('open');
      }
      const { connections } = server;
      const all = [...connections];
      expect(connections.length).toBe(3);
      expect(connections.get(all[1]!.id)).toBe(all[1]);
      expect(connections.get(-1)).toBeUndefined();
      expect(connections.filter((ws) => ws !== all[0])).toEqual([all[1], all[2]]);
      expect(connections.find((ws) => ws === all[2])).toBe(all[2]);
      expect(connections.find(() => false)).toBeUndefined();
      expect(connections.map((ws, index) => [ws.id, index])).toEqual(all.map((ws, index) => [ws.id, index]));
      const seen: [WebSocketConnection, number][] = [];
      connections.forEach((ws, index) => seen.push([ws, index]));
      expect(seen).toEqual(all.map((ws, index) => [ws, index]));
      expect(connections.some((ws) => ws === all[1])).toBe(true);
      expect(connections.some(() => false)).toBe(false);
      expect(connections.every((ws) => ws.wss === server)).toBe(true);
      expect(connections.every((ws) => ws === all[0])).toBe(false);
    });

    it('has a connection from before its onOpen until it is closed; it is out before onTerminate', async () => {
      const inside: boolean[] = [];
      @ConnectionHandler({ path: '/' })
      class Handler {
        onOpen(ws: WebSocketConnection) {
          inside.push([...ws.wss.connections].includes(ws));
        }
        onMessage() {}
        onTerminate(ws: WebSocketConnection) {
          inside.push(ws.wss.connections.get(ws.id) === ws);
          done();
        }
      }
      let done = (): void => undefined;
      const terminated = new Promise<void>((resolve) => (done = resolve));
      const { wsUrl } = await startApp({ providers: [Handler] });
      await (await connect(wsUrl)).close();
      await terminated;
      expect(inside).toEqual([true, false]);
    });

    it('may be iterated while connections come and go', async () => {
      const { server, wsUrl, events } = await serve(() => undefined);
      for (let index = 0; index < 4; index++) {
        await connect(wsUrl);
        await events.next('open');
      }
      for (const ws of server.connections) {
        ws.terminate();
        await events.next('terminate');
      }
      expect(server.connections.length).toBe(0);
    });
  });

  describe('3.2 WebSocketServerRegistry', () => {
    @ConnectionHandler()
    class Echo {
      onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
        return data;
      }
    }
    @Injectable()
    class Undecorated {
      onConnection() {
        return Echo;
      }
    }
    @WSSHandler('/declared')
    class Declared {
      onConnection() {
        return Echo;
      }
    }

    it('gets a server by its path and by its handler class, and iterates over all', async () => {
      const { app } = await startApp({ providers: [Declared, Echo] });
      const registry = app.get(WebSocketServerRegistry);
      const server = registry.get('/declared');
      expect(server).toBeInstanceOf(WebSocketServer);
      expect(registry.get(Declared)).toBe(server);
      expect(registry.get('/none')).toBeUndefined();
      expect([...registry]).toEqual([server]);
    });

    it('creates a server at run time from a class, decorated or not, or an instance', async () => {
      const { app, wsUrl } = await startApp({ providers: [Undecorated, Declared, Echo] });
      const registry = app.get(WebSocketServerRegistry);
      registry.create(Undecorated, { path: '/a' });
      registry.create(Declared, { path: '/b' });
      registry.create(new Undecorated(), { path: '/c' });
      const created = registry.create({ onConnection: () => ({ onMessage: () => 'plain' }) }, { path: '/d' });
      for (const [path, reply] of [
        ['/a', 'x'],
        ['/b', 'x'],
        ['/c', 'x'],
        ['/d', 'plain'],
      ]) {
        const client = await connect(wsUrl + path);
        client.send('x');
        expect(await client.next()).toBe(reply);
      }
      expect(created.connections.length).toBe(1);
      expect([...registry]).toHaveLength(5);
    });

    it('runs onOpen of a server that is created while the HTTP server listens', async () => {
      const { app } = await startApp({ providers: [] });
      const opened = await new Promise((resolve) => {
        app.get(WebSocketServerRegistry).create({
          onConnection: () => null,
          onOpen: (wss: WebSocketServer, event: object) => resolve([wss, event]),
        });
      });
      expect(opened).toEqual([expect.any(WebSocketServer), { type: 'open' }]);
    });

    it('refuses what is no handler, and a path that is taken', async () => {
      const { app } = await startApp({ providers: [Declared, Echo] });
      const registry = app.get(WebSocketServerRegistry);
      class Unknown {}
      expect(() => registry.create(Unknown)).toThrow(/Unknown: .*provides/);
      expect(() => registry.create({})).toThrow(/onConnection/);
      expect(() => registry.create(new Undecorated(), { path: 'declared/' })).toThrow(
        /Undecorated: Declared serves the path \/declared .* another path/,
      );
    });
  });
});

describe('§4 WSSHandler', () => {
  it('runs onConnection before the 101, with the event, and onOpen once, when the HTTP server listens', async () => {
    const events: unknown[] = [];
    @WSSHandler('/')
    class Server {
      onConnection(wss: WebSocketServer, event: { type: string; request: { url: string } }) {
        events.push([event.type, event.request.url, wss.connections.length]);
        return { onMessage: () => undefined };
      }
      onOpen(_wss: WebSocketServer, event: object) {
        events.push(event);
      }
    }
    const { wsUrl } = await startApp({ providers: [Server] });
    await connect(`${wsUrl}/?a=1`);
    expect(events).toEqual([{ type: 'open' }, ['connection', '/?a=1', 0]]);
  });

  it('onError gets 4D’s statusText: the message of the first error', async () => {
    const events = new Recorder();
    @WSSHandler('/')
    class Server {
      onConnection(): null {
        throw new Error('broken', { cause: new Error('the cause') });
      }
      onError(_wss: WebSocketServer, event: WSErrorEvent) {
        events.push('error', event);
      }
    }
    const { wsUrl } = await startApp({ providers: [Server] });
    expect((await connectRefused(wsUrl)).status).toBe(500);
    expect((await events.next('error'))[0]).toMatchObject({
      type: 'error',
      statusText: 'broken',
      errors: [{ message: 'broken' }, { message: 'the cause' }],
    });
  });

  describe('4.1 onConnection', () => {
    let decide: () => unknown = () => null;
    const errors = new Recorder();
    @ConnectionHandler()
    class Handler {
      onMessage() {
        return 'made by Nest';
      }
    }
    class NotProvided {
      onMessage() {}
    }
    @WSSHandler('/')
    class Server {
      onConnection() {
        return decide() as object;
      }
      onError(_wss: WebSocketServer, event: WSErrorEvent) {
        errors.push('error', event);
      }
    }

    it.each([
      ['a class', () => Handler, 'made by Nest'],
      ['a promise of a class', () => Promise.resolve(Handler), 'made by Nest'],
      ['an object with onMessage', () => ({ onMessage: () => 'as it is' }), 'as it is'],
      ['a promise of an object', async () => ({ onMessage: () => 'as it is' }), 'as it is'],
    ])('takes %s', async (_what, decision, reply) => {
      decide = decision;
      const { wsUrl } = await startApp({ providers: [Server, Handler] });
      const client = await connect(wsUrl);
      client.send('x');
      expect(await client.next()).toBe(reply);
    });

    it.each([
      ['null', () => null, 403, 'Forbidden', undefined],
      ['undefined', () => undefined, 403, 'Forbidden', undefined],
      ['a promise of null', async () => null, 403, 'Forbidden', undefined],
      [
        'an HttpException',
        () => {
          throw new UnauthorizedException('who?');
        },
        401,
        'who?',
        undefined,
      ],
      [
        'a promise of an HttpException',
        () => Promise.reject(new ForbiddenException()),
        403,
        'Forbidden',
        undefined,
      ],
      [
        'an HttpException with a body of its own',
        () => {
          throw new HttpException({ message: 'teapot', x: 1 }, 418);
        },
        418,
        'teapot',
        undefined,
      ],
      [
        'another error',
        () => {
          throw new Error('secret');
        },
        500,
        'Internal server error',
        'secret',
      ],
      ['a rejection', () => Promise.reject(new Error('secret')), 500, 'Internal server error', 'secret'],
      [
        'a throw of null',
        () => {
          throw null;
        },
        500,
        'Internal server error',
        'null',
      ],
      [
        'a number',
        () => 12,
        500,
        'Internal server error',
        /Server\.onConnection\(\) must return .* a number/,
      ],
      [
        'an object without onMessage',
        () => ({}),
        500,
        'Internal server error',
        /an Object that can not serve/,
      ],
      [
        'a class that is not provided',
        () => NotProvided,
        500,
        'Internal server error',
        /NotProvided, which no module provides/,
      ],
    ])('%s refuses the client', async (_what, decision, status, message, error) => {
      decide = decision;
      const { wsUrl } = await startApp({ providers: [Server, Handler] });
      const refused = await connectRefused(wsUrl);
      expect(refused).toMatchObject({ status, json: { message } });
      expect(refused.headers.connection).toBe('close');
      expect(refused.headers['content-type']).toMatch(/^application\/json/);
      expect(refused.body).not.toContain('secret');
      if (error !== undefined) {
        const [event] = (await errors.next('error')) as [WSErrorEvent];
        expect(event.errors[0].message).toEqual(
          typeof error === 'string' ? error : expect.stringMatching(error),
        );
        expect(event.errors[0]).toMatchObject({ errCode: 1011, componentSignature: 'user' });
      }
      expect(errors.unread('error')).toEqual([]);
    });

    it('refusals have statusCode, message and error', async () => {
      decide = () => null;
      const { wsUrl } = await startApp({ providers: [Server, Handler] });
      expect((await connectRefused(wsUrl)).json).toEqual({
        statusCode: 403,
        message: 'Forbidden',
        error: 'Forbidden',
      });
    });
  });
});

describe('§5 connectionHandler', () => {
  it('runs onOpen once and first, onTerminate once and last', async () => {
    const { wsUrl, events } = await serve(() => {
      events.push('message');
      return 'reply';
    });
    const client = await connect(wsUrl);
    client.send('x');
    await client.next();
    await client.close(4002, 'why');
    await events.next('terminate');
    expect(events.order).toEqual(['open', 'message', 'terminate']);
  });

  describe('5.1 data', () => {
    it.each([
      ['text', 'x', 'x'],
      ['text', Buffer.from('é'), 'é'],
      ['blob', Buffer.from([255]), Buffer.from([255])],
      ['blob', 'é', Buffer.from('é')],
      ['object', '{"a":1}', { a: 1 }],
      ['object', Buffer.from('[2]'), [2]],
      ['object', '"é"', 'é'],
      ['object', 'null', null],
    ] as const)("of dataType '%s': %j is %j", async (dataType, sent, expected) => {
      const received: unknown[] = [];
      const { wsUrl } = await serve(
        (_ws, data) => {
          received.push(data);
          return 'ok';
        },
        { dataType },
      );
      const client = await connect(wsUrl);
      client.send(sent as string);
      expect(await client.next()).toBe('ok');
      expect(received).toEqual([expected]);
      if (dataType === 'blob') expect(Buffer.isBuffer(received[0])).toBe(true);
    });

    it.each(['text', 'blob', 'object'] as const)(
      "isBinary tells which kind of frame it came in, whatever the data became: '%s'",
      async (dataType) => {
        const received = new Recorder();
        @ConnectionHandler({ path: '/', dataType })
        class Handler {
          onMessage(_ws: WebSocketConnection, event: WSMessageEvent) {
            received.push('message', event);
          }
        }
        const { wsUrl } = await startApp({ providers: [Handler] });
        const client = await connect(wsUrl);
        client.send('1');
        client.send(Buffer.from('1'));
        const data = { text: '1', blob: Buffer.from('1'), object: 1 }[dataType];
        expect(await received.next('message')).toEqual([{ type: 'message', data, isBinary: false }]);
        expect(await received.next('message')).toEqual([{ type: 'message', data, isBinary: true }]);
      },
    );

    it("'text': a binary frame that is not UTF-8 is an onError and 1007", async () => {
      const { wsUrl, events } = await serve(() => undefined);
      const client = await connect(wsUrl);
      client.send(Buffer.from([0xff, 0xfe]));
      const [event] = (await events.next('error')) as [WSErrorEvent];
      expect(event).toMatchObject({ type: 'error', errors: [{ errCode: 1007, componentSignature: 'wsck' }] });
      expect((await client.closed).code).toBe(1007);
    });

    it.each([
      ['not JSON', 'not JSON'],
      ['no UTF-8', Buffer.from([0xff])],
    ])("'object': %s is an onError, and the connection goes on", async (_what, message) => {
      const { wsUrl, events } = await serve((_ws, data) => data, { dataType: 'object' });
      const client = await connect(wsUrl);
      client.send(message);
      client.send('{"next":1}');
      const [event] = (await events.next('error')) as [WSErrorEvent];
      expect(event.errors[0]).toMatchObject({ errCode: 1007, componentSignature: 'json' });
      expect(await client.next()).toBe('{"next":1}');
    });
  });

  describe('5.2 onTerminate', () => {
    it.each([
      ['the close frame’s code and text', 4005, 'why ✓', { code: 4005, reason: 'why ✓' }],
      ['a code without a text', 1000, undefined, { code: 1000, reason: undefined }],
      ['1005 if it carried none', undefined, undefined, { code: 1005, reason: undefined }],
    ])('gets %s', async (_what, code, reason, expected) => {
      const { client, events } = await open();
      await client.close(code, reason);
      expect((await events.next('terminate'))[0]).toEqual({ type: 'terminate', ...expected });
    });

    it('gets 1006 if the connection broke', async () => {
      const { client, events } = await open();
      client.socket.terminate();
      expect((await events.next('terminate'))[0]).toEqual({
        type: 'terminate',
        code: 1006,
        reason: undefined,
      });
    });
  });

  describe('5.3 what onMessage returns is sent back', () => {
    it.each([
      ['a value', () => 'value', ['value']],
      ['an object', () => ({ a: 1 }), ['{"a":1}']],
      ['a promise', async () => 'promised', ['promised']],
      ['an Observable', () => from(['1', '2', '3']), ['1', '2', '3']],
      ['a promise of an Observable', async () => of('a', null, undefined, 'b'), ['a', 'b']],
      ['nothing for undefined', () => undefined, []],
      ['nothing for null', async () => null, []],
      ['a number, as JSON', () => 42.5, ['42.5']],
      ['zero', () => 0, ['0']],
      ['a promise of a number', async () => -1, ['-1']],
      ['a number that JSON has not', () => NaN, ['null']],
      ['true', () => true, ['true']],
      ['a promise of false', async () => false, ['false']],
      ['an Observable of these', () => from([1, false, '2']), ['1', 'false', '2']],
      ['an array is no stream', () => [1, 2], ['[1,2]']],
    ])('%s', async (_what, result, expected) => {
      const { wsUrl } = await serve((ws, data) => {
        if (data === 'last') return ws.send('last');
        return result();
      });
      const client = await connect(wsUrl);
      client.send('x');
      client.send('last');
      expect(await within(client.take(expected.length + 1))).toEqual([...expected, 'last']);
    });

    it.each<[string, () => unknown, string[]]>([
      [
        'an async iterable',
        () => generate('a', undefined, 1, null, { b: 2 }, true),
        ['a', '1', '{"b":2}', 'true'],
      ],
      ['a promise of an async iterable', async () => generate('a', 'b'), ['a', 'b']],
      ['a Readable', () => Readable.from(['a', 'b']), ['a', 'b']],
      ['a promise of a Readable', async () => Readable.from(['a', 'b']), ['a', 'b']],
    ])('each value of %s', async (_what, result, expected) => {
      const { wsUrl } = await serve((_ws, data) => (data === 'last' ? 'last' : result()));
      const client = await connect(wsUrl);
      client.send('x');
      expect(await within(client.take(expected.length))).toEqual(expected);
      client.send('last');
      expect(await client.next()).toBe('last');
    });

    it('an Observable is unsubscribed when the connection closes', async () => {
      let unsubscribed: () => void = () => undefined;
      const end = new Promise<void>((resolve) => (unsubscribed = resolve));
      const { wsUrl } = await serve(() =>
        interval(1).pipe(
          map(String),
          finalize(() => unsubscribed()),
        ),
      );
      const client = await connect(wsUrl);
      client.send('x');
      expect(await client.take(2)).toEqual(['0', '1']);
      client.socket.terminate();
      await end;
    });

    it('a Readable of bytes goes out as binary messages', async () => {
      const { wsUrl } = await serve(() => Readable.from([Buffer.from([1, 2]), Buffer.from([3])]));
      const client = await connect(wsUrl);
      client.send('x');
      for (const bytes of [[1, 2], [3]]) {
        expect(await client.nextReceived()).toEqual({ data: Buffer.from(bytes), isBinary: true });
      }
    });

    it('an async iterable that was returned does not hold up the next message', async () => {
      const gate = deferred<void>();
      const { wsUrl } = await serve((_ws, data) =>
        data === 'next'
          ? 'next'
          : (async function* () {
              yield 'first';
              await gate.promise;
              yield 'last';
            })(),
      );
      const client = await connect(wsUrl);
      client.send('x');
      client.send('next');
      expect((await client.take(2)).sort()).toEqual(['first', 'next']);
      gate.resolve();
      expect(await client.next()).toBe('last');
    });

    it('an async iterable is ended when the connection closes: its finally runs', async () => {
      const ended = deferred<string>();
      const { wsUrl } = await serve(async function* () {
        try {
          for (let index = 0; ; index++) {
            yield index;
            await new Promise(setImmediate);
          }
        } finally {
          ended.resolve('finally');
        }
      });
      const client = await connect(wsUrl);
      client.send('x');
      expect(await within(client.take(2))).toEqual(['0', '1']);
      client.socket.terminate();
      expect(await within(ended.promise)).toBe('finally');
    });

    it('a Readable is destroyed when the connection closes', async () => {
      const closed = deferred<string>();
      const { wsUrl } = await serve(() => {
        const stream = new Readable({ objectMode: true, read: () => undefined });
        stream.on('close', () => closed.resolve('closed'));
        stream.push('first');
        return stream;
      });
      const client = await connect(wsUrl);
      client.send('x');
      expect(await client.next()).toBe('first');
      client.socket.terminate();
      expect(await within(closed.promise)).toBe('closed');
    });

    it.each<[string, () => unknown]>([
      [
        'an async iterable',
        async function* () {
          yield 'first';
          throw new Error('broken');
        },
      ],
      [
        'a Readable',
        () =>
          new Readable({
            objectMode: true,
            read() {
              this.destroy(new Error('broken'));
            },
          }),
      ],
    ])('%s that fails is an onError, and the connection goes on', async (_what, result) => {
      const { wsUrl, events } = await serve((_ws, data) => (data === 'next' ? 'next' : result()));
      const client = await connect(wsUrl);
      client.send('x');
      const [event] = (await within(events.next('error'))) as [WSErrorEvent];
      expect(event.errors[0]).toMatchObject({ message: 'broken', componentSignature: 'user' });
      client.send('next');
      let reply = await client.next();
      if (reply === 'first') reply = await client.next();
      expect(reply).toBe('next');
    });

    it('a failing Observable, and a value that can not be sent, are onErrors', async () => {
      const { wsUrl, events } = await serve((_ws, data) =>
        data === 'stream' ? throwError(() => new Error('broken')) : Symbol('value'),
      );
      const client = await connect(wsUrl);
      client.send('stream');
      client.send('symbol');
      expect(((await events.next('error')) as [WSErrorEvent])[0].errors[0].message).toBe('broken');
      expect(((await events.next('error')) as [WSErrorEvent])[0].errors[0].message).toMatch(/a symbol/);
    });
  });
});

describe('8 maxFragments', () => {
  it('a message in more frames: close 1008, onError', async () => {
    const { port, events } = await serve((_ws, data) => data, { maxFragments: 4 });
    const client = await connectRaw(port);
    const fragments = (count: number) =>
      Array.from({ length: count }, (_, index) =>
        clientFrame(index === 0 ? 1 : 0, String(index), { fin: index === count - 1 }),
      );
    client.write(...fragments(4));
    expect((await client.frame()).payload.toString()).toBe('0123');
    client.write(...fragments(6));
    expect(await within(client.closeCode())).toBe(1008);
    const [event] = (await events.next('error')) as [WSErrorEvent];
    expect(event.errors[0]).toMatchObject({ errCode: 1008, componentSignature: 'wsck' });
    client.socket.destroy();
  });
});

describe('§1 what a user writes', () => {
  it.each([
    ['useExisting', (type: new () => object) => ({ provide: 'ALIAS', useExisting: type })],
    [
      'a factory that returns it',
      (type: new () => object) => ({
        provide: 'ALIAS',
        useFactory: (handler: object) => handler,
        inject: [type],
      }),
    ],
  ])('1.6 an alias of a server handler, by %s, is one server', async (_how, alias) => {
    let opened = 0;
    @WSSHandler('/')
    class Server {
      onConnection() {
        return { onMessage: () => 'reply' };
      }
      onOpen() {
        opened++;
      }
    }
    const { app, wsUrl } = await startApp({ providers: [Server, alias(Server)] });
    expect([...app.get(WebSocketServerRegistry)]).toHaveLength(1);
    expect(opened).toBe(1);
    const client = await connect(wsUrl);
    client.send('x');
    expect(await client.next()).toBe('reply');
  });

  it('1.3 a marked method wins over a named one', async () => {
    @ConnectionHandler()
    class Handler {
      @OnMessage()
      talk() {
        return 'marked';
      }
      onMessage() {
        return 'named';
      }
    }
    @WSSHandler('/')
    class Server {
      @OnConnection()
      decide() {
        return Handler;
      }
      onConnection() {
        return null;
      }
    }
    const { wsUrl } = await startApp({ providers: [Server, Handler] });
    const client = await connect(wsUrl);
    client.send('x');
    expect(await client.next()).toBe('marked');
  });

  it('1.3 a subclass inherits hooks, and may override a marked method', async () => {
    class Base {
      @OnMessage()
      talk() {
        return 'base';
      }
    }
    @ConnectionHandler({ path: '/' })
    class Handler extends Base {
      @OnMessage()
      override talk() {
        return 'sub';
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler] });
    const client = await connect(wsUrl);
    client.send('x');
    expect(await client.next()).toBe('sub');
  });

  it('1.1 serves with app.init() and a listen of the HTTP server alone', async () => {
    @ConnectionHandler({ path: '/' })
    class Handler {
      onMessage() {
        return 'x';
      }
    }
    const app = await createApp({ providers: [Handler] });
    await app.init();
    const httpServer = app.getHttpServer().listen(0);
    await once(httpServer, 'listening');
    const client = await connect(`ws://127.0.0.1:${httpServer.address().port}/`);
    client.send('');
    expect(await client.next()).toBe('x');
    await app.close();
    expect((await client.closed).code).toBe(1001);
  });
});
