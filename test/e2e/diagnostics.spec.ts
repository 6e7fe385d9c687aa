import { AsyncLocalStorage } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import type { ServerResponse } from 'node:http';
import { UnauthorizedException, UseGuards, type ExecutionContext } from '@nestjs/common';
import {
  ConnectionHandler,
  WebSocketPublisher,
  WebSocketServerRegistry,
  WSSHandler,
  type HandlerOf,
  type ServerOptions,
  type WebSocketConnection,
  type WebSocketServer,
  type WSConnectionEvent,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { FourDWebSocket } from 'nestjs-4d-websocket/client';
import { defineContract } from 'nestjs-4d-websocket/contract';
import { of } from 'rxjs';
import * as v from 'valibot';
import { closeApps, startApp } from '../support/app.js';
import { connect, connectRefused } from '../support/client.js';
import { heardOn, hear, stopHearing, trace } from '../support/diagnostics.js';
import { MemoryBroker } from '../support/memory-backplane.js';
import { handshakeHead, openSocket } from '../support/raw-client.js';
import { Recorder } from '../support/recorder.js';

afterEach(async () => {
  await closeApps();
  stopHearing();
});

const nextTurn = () => new Promise(setImmediate);

interface Serving {
  onConnection?: (event: WSConnectionEvent) => unknown;
  onOpen?: (ws: WebSocketConnection) => unknown;
  onMessage?: (ws: WebSocketConnection, event: WSMessageEvent) => unknown;
  onTerminate?: () => unknown;
  guard?: (context: ExecutionContext) => boolean;
}

async function serve(serving: Serving, options: ServerOptions = {}) {
  const handler = {
    onOpen: (ws: WebSocketConnection) => serving.onOpen?.(ws),
    onMessage: (ws: WebSocketConnection, event: WSMessageEvent) => serving.onMessage?.(ws, event),
    onTerminate: () => serving.onTerminate?.(),
  };
  @WSSHandler({ path: '/rooms/:room', ...options })
  class Server {
    @UseGuards({ canActivate: (context: ExecutionContext) => serving.guard?.(context) ?? true })
    async onConnection(_wss: WebSocketServer, event: WSConnectionEvent) {
      return serving.onConnection === undefined ? handler : ((await serving.onConnection(event)) as object);
    }
  }
  const testApp = await startApp({ providers: [Server] });
  return {
    ...testApp,
    handler,
    url: `${testApp.wsUrl}/rooms/1`,
    server: testApp.app.get(WebSocketServerRegistry).get(Server)!,
  };
}

/** How handshakes end, one after the other. */
function handshakes() {
  const ended = new Recorder();
  trace('nestjs-4d-websocket:handshake', (step, { server, request, outcome, status, reason, duration }) => {
    if (step !== 'asyncEnd') return;
    expect(duration).toBeGreaterThanOrEqual(0);
    ended.push('handshake', { path: server?.path, url: request.url, outcome, status, reason });
  });
  return { next: async () => (await ended.next('handshake'))[0], ended };
}

describe('18.1 how handshakes end', () => {
  it.each<[string, () => unknown, object]>([
    ['nobody to serve it', () => null, { outcome: 'refused', status: 403, reason: 'Forbidden' }],
    [
      'an HttpException',
      () => {
        throw new UnauthorizedException('No token');
      },
      { outcome: 'refused', status: 401, reason: 'No token' },
    ],
    [
      'an error',
      () => {
        throw new Error('The database is away');
      },
      { outcome: 'failed', status: 500, reason: 'Internal server error' },
    ],
  ])('%s', async (_what, onConnection, ended) => {
    const { url } = await serve({ onConnection });
    const { next } = handshakes();
    await connectRefused(url);
    expect(await next()).toEqual({ path: '/rooms/:room', url: '/rooms/1', ...ended });
  });

  it('a guard says no', async () => {
    const { url } = await serve({ guard: () => false });
    const { next } = handshakes();
    await connectRefused(url);
    expect(await next()).toMatchObject({ outcome: 'refused', status: 403 });
  });

  it('a middleware answers', async () => {
    const { url } = await serve(
      {},
      {
        handshake: {
          use: [
            (_request: unknown, response: ServerResponse) => {
              response.statusCode = 302;
              response.end();
            },
          ],
        },
      },
    );
    const { next } = handshakes();
    await connectRefused(url);
    expect(await next()).toMatchObject({ outcome: 'refused', status: 302, reason: 'Found' });
  });

  it('the client learns it by a close frame', async () => {
    const { url } = await serve({ onConnection: () => null }, { refusals: 'close' });
    const { next } = handshakes();
    expect((await (await connect(url)).closed).code).toBe(4403);
    expect(await next()).toMatchObject({ outcome: 'refused', status: 403 });
  });

  it.each<[string, ServerOptions, object, object]>([
    [
      'an origin',
      { allowedOrigins: ['https://example.com'] },
      { origin: 'https://example.org' },
      { status: 403 },
    ],
    [
      'an origin that is looked up',
      { allowedOrigins: async () => false },
      { origin: 'https://example.org' },
      { status: 403 },
    ],
    ['no room', { maxConnections: 1 }, {}, { status: 503 }],
  ])('rejected before the application is asked: %s', async (what, options, clientOptions, ended) => {
    const { url } = await serve({}, options);
    if (what === 'no room') await connect(url);
    const { next } = handshakes();
    await connectRefused(url, clientOptions);
    expect(await next()).toMatchObject({ outcome: 'rejected', ...ended });
  });

  it.each<[string, Record<string, string>]>([
    ['a version of WebSocket that is none', { 'Sec-WebSocket-Version': '7' }],
    ['sub-protocols that are none', { 'Sec-WebSocket-Protocol': 'a b' }],
  ])('rejected: %s', async (_what, headers) => {
    const { port } = await serve({});
    const { next } = handshakes();
    const client = await openSocket(port);
    client.write(handshakeHead('/rooms/1', headers));
    const [, status] = (await client.head()).split(' ');
    expect(await next()).toMatchObject({ path: '/rooms/:room', outcome: 'rejected', status: Number(status) });
  });

  it('no server has the path', async () => {
    const { wsUrl } = await serve({});
    const { next } = handshakes();
    await connectRefused(`${wsUrl}/nowhere`);
    expect(await next()).toEqual({
      path: undefined,
      url: '/nowhere',
      outcome: 'rejected',
      status: 404,
      reason: 'Cannot GET /nowhere',
    });
  });

  it('it takes too long', async () => {
    const { url } = await serve(
      { onConnection: () => new Promise(() => undefined) },
      { handshakeTimeout: 20 },
    );
    const { next } = handshakes();
    await connectRefused(url);
    expect(await next()).toMatchObject({ outcome: 'failed', status: 503 });
  });

  it('the client goes away, and the decision that comes then is told of no more', async () => {
    const asked = new Recorder();
    let decide!: (value: null) => void;
    const { port } = await serve({
      onConnection: () => {
        asked.push('asked');
        return new Promise((resolve) => (decide = resolve));
      },
    });
    const { next, ended } = handshakes();
    const client = await openSocket(port);
    client.write(handshakeHead('/rooms/1'));
    await asked.next('asked');
    client.socket.destroy();
    expect(await next()).toMatchObject({
      outcome: 'failed',
      status: undefined,
      reason: 'The client went away',
    });
    decide(null);
    await nextTurn();
    expect(ended.order).toHaveLength(1);
  });

  it('the server closes meanwhile', async () => {
    const asked = new Recorder();
    const { url, server } = await serve({
      onConnection: () => {
        asked.push('asked');
        return new Promise(() => undefined);
      },
    });
    const { next } = handshakes();
    const refused = connectRefused(url);
    await asked.next('asked');
    await server.terminate();
    await refused;
    expect(await next()).toMatchObject({ outcome: 'rejected', status: 503 });
  });
});

describe('18.1 connections and messages', () => {
  it('of a client that speaks the sub-protocol messages are counted, and no header lines', async () => {
    const { url, server } = await serve({ onMessage: (_ws, { data }) => data });
    const received = heardOn('nestjs-4d-websocket:message:received');
    const sent = heardOn('nestjs-4d-websocket:message:sent');
    const answers = new Recorder();
    const ws = new FourDWebSocket(url, { onMessage: (_ws, { data }) => answers.push('message', data) });
    ws.send('hello');
    expect(await answers.next('message')).toEqual(['hello']);
    server.broadcast(Buffer.from('binary'));
    await answers.next('message');
    ws.terminate();
    expect(received.map(({ data, bytes }) => [String(data), bytes])).toEqual([['hello', 5]]);
    expect(sent.map(({ data, bytes, isBinary }) => [String(data), bytes, isBinary])).toEqual([
      ['hello', 5, false],
      ['binary', 6, true],
    ]);
  });

  it('each kind of data is told of once, as it was given', async () => {
    const { url, server } = await serve({
      onOpen(ws) {
        ws.send('text');
        ws.send({ json: true });
        ws.send(new Uint8Array([1, 2, 3]));
        ws.send(new Blob(['blob']));
      },
    });
    const sent = heardOn('nestjs-4d-websocket:message:sent');
    const client = await connect(url);
    await client.take(4);
    server.broadcast('to all');
    server.sendTo([...server.connections][0]!.id, { to: 'one' });
    await client.take(2);
    expect(sent.map(({ bytes, isBinary }) => [bytes, isBinary])).toEqual([
      [4, false],
      [13, false],
      [3, true],
      [4, true],
      [6, false],
      [12, false],
    ]);
    expect(sent.every(({ server: of, connection }) => of === server && connection.wss === server)).toBe(true);
  });

  it('what is not sent is not told of', async () => {
    const { url } = await serve({
      onOpen(ws) {
        expect(() => ws.send(undefined as never)).toThrow(TypeError);
        ws.terminate();
        ws.send('too late');
      },
    });
    const sent = heardOn('nestjs-4d-websocket:message:sent');
    await (
      await connect(url)
    ).closed;
    expect(sent).toEqual([]);
  });

  it('messages that come before the handler is there are told of once', async () => {
    const contract = defineContract({ receives: { say: v.string() } });
    const served = new Recorder();
    @ConnectionHandler({ path: '/say', contract, dataType: 'object' })
    class SayHandler implements HandlerOf<typeof contract> {
      async onOpen() {
        await nextTurn();
      }
      say(_ws: unknown, text: string) {
        served.push('say', text);
      }
    }
    const { wsUrl } = await startApp({ providers: [SayHandler] });
    const received = heardOn('nestjs-4d-websocket:message:received');
    const client = await connect(`${wsUrl}/say`);
    client.send(JSON.stringify({ jsonrpc: '2.0', method: 'say', params: ['hello'] }));
    await served.next('say');
    expect(received).toHaveLength(1);
  });

  it('a connection whose handler can not be made is told of as open, and closed', async () => {
    @ConnectionHandler({ path: '/broken' })
    class Handler {
      constructor() {
        throw new Error('It can not be made');
      }
      onMessage() {}
    }
    const { wsUrl } = await startApp({ providers: [Handler] });
    const open = heardOn('nestjs-4d-websocket:connection:open');
    const closed = new Recorder();
    hear('nestjs-4d-websocket:connection:close', ({ connection }) => closed.push('closed', connection));
    expect((await (await connect(`${wsUrl}/broken`)).closed).code).toBe(1011);
    expect(open).toHaveLength(1);
    expect(await closed.next('closed')).toEqual([open[0]!.connection]);
  });

  it.each<[string, (client: Awaited<ReturnType<typeof connect>>) => unknown, number, string]>([
    ['with a code', (client) => client.close(4000, 'bye'), 4000, 'bye'],
    ['without one', (client) => client.close(), 1005, ''],
    ['without a close frame', (client) => client.transport.destroy(), 1006, ''],
  ])('a client closes %s', async (_what, end, code, reason) => {
    const over = new Recorder();
    const { url } = await serve({ onTerminate: () => over.push('over') });
    const close = heardOn('nestjs-4d-websocket:connection:close');
    void end(await connect(url));
    await over.next('over');
    expect(close).toMatchObject([{ code, reason }]);
  });

  it('topics, and what is published', async () => {
    const over = new Recorder();
    const { url, server } = await serve({
      onOpen(ws) {
        void ws.subscribe('news');
        void ws.subscribe('news');
        void ws.subscribe('weather');
        ws.unsubscribe('weather');
        ws.unsubscribe('weather');
        void server.publish('news', 'first');
        server.broadcast('to all');
      },
      onTerminate: () => over.push('over'),
    });
    const heard: string[] = [];
    hear('nestjs-4d-websocket:topic:subscribe', ({ topic }) => heard.push(`+${topic}`));
    hear('nestjs-4d-websocket:topic:unsubscribe', ({ topic }) => heard.push(`-${topic}`));
    hear('nestjs-4d-websocket:publish', ({ topics, data }) =>
      heard.push(`${topics?.join()} ${String(data)}`),
    );
    const client = await connect(url);
    await client.take(2);
    await client.close();
    await over.next('over');
    expect(heard).toEqual(['+news', '+weather', '-weather', 'news first', 'undefined to all', '-news']);
  });
});

describe('18.1 hooks', () => {
  it('of a contract: each member by its name, with its context', async () => {
    const contract = defineContract({
      receives: { say: v.string() },
      calls: { add: { request: v.tuple([v.number(), v.number()]), response: v.number() } },
      streams: { count: { request: v.number(), item: v.number() } },
    });
    const storage = new AsyncLocalStorage<{ member?: string }>();
    const seen: (string | undefined)[] = [];
    const note = () => seen.push(storage.getStore()?.member);
    @ConnectionHandler({ path: '/', contract, dataType: 'object', concurrency: 2 })
    class Handler implements HandlerOf<typeof contract> {
      say() {
        note();
        throw new Error('broken');
      }
      async add(_ws: unknown, [one, other]: [number, number]) {
        await nextTurn();
        note();
        return one + other;
      }
      count(_ws: unknown, upTo: number) {
        note();
        return of(upTo);
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler] });
    const { start } = tracingChannel<{ member?: string }, { member?: string }>('nestjs-4d-websocket:hook');
    start.bindStore(storage);
    try {
      const steps: string[] = [];
      trace('nestjs-4d-websocket:hook', (step, { hook, member, data }) => {
        if (member !== undefined && step !== 'end' && step !== 'asyncStart')
          steps.push(`${step} ${hook} ${member} ${JSON.stringify(data)}`);
      });
      const client = await connect(wsUrl);
      const ask = (message: object) => client.send(JSON.stringify({ jsonrpc: '2.0', ...message }));
      ask({ method: 'say', params: ['hello'] });
      ask({ id: 1, method: 'add', params: [1, 2] });
      expect(JSON.parse(String(await client.next()))).toMatchObject({ id: 1, result: 3 });
      ask({ id: 2, method: 'count', params: [5] });
      expect(JSON.parse(String(await client.next()))).toMatchObject({ params: { item: 5 } });
      await client.next();
      expect(steps).toEqual([
        'start onMessage say "hello"',
        'error onMessage say "hello"',
        'asyncEnd onMessage say "hello"',
        'start onMessage add [1,2]',
        'asyncEnd onMessage add [1,2]',
        'start onMessage count 5',
        'asyncEnd onMessage count 5',
      ]);
      expect(seen).toEqual(['say', 'add', 'count']);
    } finally {
      start.unbindStore(storage);
    }
  });

  it("a server's own", async () => {
    const steps = new Recorder();
    trace('nestjs-4d-websocket:hook', (step, { hook, connection, error }) => {
      if (step === 'asyncEnd') steps.push(hook, connection, (error as Error | undefined)?.message);
    });
    @WSSHandler({ path: '/own' })
    class Server {
      async onOpen() {
        await nextTurn();
        throw new Error('not open');
      }
      onConnection() {
        return null;
      }
      onError() {}
      onTerminate() {}
    }
    const { app } = await startApp({ providers: [Server] });
    expect(await steps.next('onOpen')).toEqual([undefined, 'not open']);
    await app.close();
    expect(await steps.next('onTerminate')).toEqual([undefined, undefined]);
    expect(steps.order).toHaveLength(2);
  });
});

describe('18.1 errors and the backplane', () => {
  it('what fails is told of once, whether onError hears of it or the log', async () => {
    const errors = heardOn('nestjs-4d-websocket:error');
    const { url, server } = await serve({
      onMessage() {
        throw new Error('broken', { cause: new Error('the reason') });
      },
    });
    const client = await connect(url);
    client.send('a message');
    client.send('another');
    await client.close();
    expect(
      errors.map(({ errors: [first, cause] }) => [first.message, first.componentSignature, cause!.message]),
    ).toEqual([
      ['broken', 'user', 'the reason'],
      ['broken', 'user', 'the reason'],
    ]);
    expect(errors[0]!.server).toBe(server);
    expect(errors[0]!.connection!.wss).toBe(server);
  });

  it('an outage', async () => {
    const broker = new MemoryBroker();
    const backplane = broker.create();
    const { app } = await startApp({ options: { backplane }, providers: [] });
    const events = heardOn('nestjs-4d-websocket:backplane');
    broker.fail(new Error('killed'));
    broker.recover();
    expect(events).toEqual([
      { backplane, available: false, error: expect.objectContaining({ message: 'killed' }) },
      { backplane, available: true },
    ]);
    expect(app.get(WebSocketPublisher)).toBeDefined();
  });
});

describe('18.4 figures of a server', () => {
  it('are there at any moment', async () => {
    const held = new Recorder();
    let release!: () => void;
    const { url, server, app } = await serve({
      async onOpen(ws) {
        await ws.subscribe('news');
      },
      onMessage() {
        held.push('held');
        return new Promise<void>((resolve) => (release = resolve));
      },
    });
    expect(server.stats()).toEqual({
      connections: 0,
      handshakes: 0,
      queuedMessages: 0,
      unreadBytes: 0,
      topics: 0,
      backplane: undefined,
      history: undefined,
    });
    const before = Date.now();
    const received = new Recorder();
    hear('nestjs-4d-websocket:message:received', ({ data }) => received.push(String(data)));
    const client = await connect(url);
    client.send('one');
    client.send('two');
    client.send('three');
    await held.next('held');
    await received.next('three');
    expect(server.stats()).toMatchObject({ connections: 1, queuedMessages: 2, topics: 1 });
    const [connection] = [...server.connections];
    expect(connection!.queuedMessages).toBe(2);
    expect(connection!.openedAt.getTime()).toBeGreaterThan(before - 1000);
    expect(connection!.openedAt.getTime()).toBeLessThanOrEqual(Date.now() + 1);
    connection!.send('x'.repeat(1000));
    expect(server.stats().unreadBytes).toBe(1004);
    release();
    await held.next('held');
    release();
    await held.next('held');
    release();
    await app.close();
  });
});
