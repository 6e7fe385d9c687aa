/** What docs/from-gateways.md says of gateways and of connection handlers, row by row, on both. */
import type { AddressInfo } from 'node:net';
import {
  Catch,
  createParamDecorator,
  Injectable,
  NotFoundException,
  UnauthorizedException,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  ValidationPipe,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type HttpException,
  type INestApplication,
  type NestInterceptor,
  type PipeTransform,
  type Type,
} from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { Test } from '@nestjs/testing';
import {
  Ack,
  BaseWsExceptionFilter,
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer as Server,
  WsException,
} from '@nestjs/websockets';
import { IsInt } from 'class-validator';
import { map, Observable, of } from 'rxjs';
import { io } from 'socket.io-client';
import type { WebSocket, WebSocketServer as GatewayServer } from 'ws';
import { z } from 'zod';
import {
  ConnectionHandler,
  OnMessage,
  WebSocketConnection,
  WSSHandler,
  type ConnectionOf,
  type WebSocketServer,
  type WSErrorEvent,
  type WSMessageEvent,
  type WSTerminateEvent,
} from 'nestjs-4d-websocket';
import { FourDWebSocket } from 'nestjs-4d-websocket/client';
import { defineContract } from 'nestjs-4d-websocket/contract';
import { closeApps, startApp } from '../support/app.js';
import { connect, connectRefused, type TestClient } from '../support/client.js';
import { deferred } from '../support/deferred.js';
import { freePort } from '../support/free-port.js';
import { Recorder } from '../support/recorder.js';

const gatewayApps = new Set<INestApplication>();
/** What ends the clients that would connect again. */
const endings: (() => void)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) end();
  await closeApps();
  await Promise.all(Array.from(gatewayApps, (app) => app.close()));
  gatewayApps.clear();
});

// Gateways tell clients of exceptions since Nest 12; before, the filter emitted an event that no client of `ws` hears.
const tellsClients = 'isNativeWebSocket' in BaseWsExceptionFilter.prototype;
const onNest12 = tellsClients ? it : it.skip;

/** An application with one ordinary gateway, as its main.ts would make it. */
async function startGateway(
  gateway: Type<object>,
  configure?: (app: INestApplication) => void,
): Promise<{ app: INestApplication; wsUrl: string }> {
  const testingModule = await Test.createTestingModule({ providers: [gateway] }).compile();
  const app = testingModule.createNestApplication({ logger: false });
  app.useWebSocketAdapter(new WsAdapter(app));
  configure?.(app);
  gatewayApps.add(app);
  await app.listen(0, '127.0.0.1');
  return { app, wsUrl: `ws://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}` };
}

/** Sends what a gateway takes, to either. */
function say(client: TestClient, data?: unknown, event = 'say') {
  client.send(JSON.stringify({ event, data }));
}

/** What a client receives up to the answer to a last message, which both sides give. */
async function receivedUntilEnd(client: TestClient): Promise<unknown[]> {
  client.send('{"event":"end"}');
  const received = [];
  for (;;) {
    const message = await client.next();
    if (String(message).includes('"end"')) return received;
    received.push(message);
  }
}

/** Answers `receivedUntilEnd`, and calls a function for all else. */
function gatewayOf(say: (client: WebSocket, data: unknown) => unknown) {
  @WebSocketGateway({ path: '/' })
  class Gateway {
    @SubscribeMessage('say')
    say(@ConnectedSocket() client: WebSocket, @MessageBody() data: unknown) {
      return say(client, data);
    }
    @SubscribeMessage('end')
    end() {
      return { event: 'end' };
    }
  }
  return Gateway;
}

/** The same as {@link gatewayOf}, as a connection handler; what its onError hears is noted. */
function handlerOf(say: (ws: WebSocketConnection, data: unknown) => unknown) {
  const errors = new Recorder();
  @ConnectionHandler({ path: '/', dataType: 'object', discriminator: 'event' })
  class Handler {
    @OnMessage('say')
    say(ws: WebSocketConnection, { data }: WSMessageEvent<{ data: unknown }>) {
      return say(ws, data.data);
    }
    @OnMessage('end')
    end() {
      return { event: 'end' };
    }
    onError(_ws: WebSocketConnection, event: WSErrorEvent) {
      errors.push('error', event.errors[0]);
    }
  }
  return { Handler, errors };
}

describe('where it is served', () => {
  it('a path and a port of its own; no adapter is set here', async () => {
    const [gatewayPort, ourPort] = [await freePort(), await freePort()];
    @WebSocketGateway(gatewayPort, { path: '/there' })
    class Gateway {
      @SubscribeMessage('say')
      say(@MessageBody() data: string) {
        return data;
      }
    }
    @ConnectionHandler({ path: '/there', port: ourPort })
    class Handler {
      onMessage() {
        return 'ours';
      }
    }
    await startGateway(Gateway);
    await startApp({ providers: [Handler] });
    const gatewayClient = await connect(`ws://127.0.0.1:${gatewayPort}/there`);
    say(gatewayClient, 'theirs');
    expect(await gatewayClient.next()).toBe('"theirs"');
    const ourClient = await connect(`ws://127.0.0.1:${ourPort}/there`);
    ourClient.send('x');
    expect(await ourClient.next()).toBe('ours');
  });
});

describe('the life of a connection', () => {
  it('one instance for all clients; here one for each', async () => {
    @WebSocketGateway({ path: '/' })
    class Gateway {
      private count = 0;
      @SubscribeMessage('say')
      say() {
        return { count: ++this.count };
      }
    }
    @ConnectionHandler({ path: '/' })
    class Handler {
      private count = 0;
      onMessage() {
        return { count: ++this.count };
      }
    }
    const counts = async (wsUrl: string) => {
      const counted = [];
      for (const client of [await connect(wsUrl), await connect(wsUrl)]) {
        say(client);
        counted.push(await client.next());
      }
      return counted;
    };
    expect(await counts((await startGateway(Gateway)).wsUrl)).toEqual(['{"count":1}', '{"count":2}']);
    expect(await counts((await startApp({ providers: [Handler] })).wsUrl)).toEqual([
      '{"count":1}',
      '{"count":1}',
    ]);
  });

  it('handleConnection runs when the socket is open; onConnection before the handshake, onOpen after it', async () => {
    @WebSocketGateway({ path: '/' })
    class Gateway {
      handleConnection(client: WebSocket, request: { url: string }) {
        if (!request.url.includes('key=letmein')) client.close(4403);
      }
    }
    @ConnectionHandler()
    class Handler {
      onOpen(ws: WebSocketConnection) {
        ws.send('open');
      }
      onMessage() {}
    }
    @WSSHandler('/')
    class OurServer implements WSSHandler {
      onConnection(_wss: WebSocketServer, { request }: Parameters<WSSHandler['onConnection']>[1]) {
        return request.query.key === 'letmein' ? Handler : null;
      }
    }
    const stranger = await connect((await startGateway(Gateway)).wsUrl);
    expect((await stranger.closed).code).toBe(4403);
    const { wsUrl } = await startApp({ providers: [Handler, OurServer] });
    expect((await connectRefused(wsUrl)).status).toBe(403);
    expect(await (await connect(`${wsUrl}?key=letmein`)).next()).toBe('open');
  });

  it('afterInit runs before the HTTP server listens, onOpen of the server handler when it does', async () => {
    const listening = new Recorder();
    let app: INestApplication | undefined;
    @WebSocketGateway({ path: '/' })
    class Gateway {
      afterInit() {
        listening.push('gateway', app!.getHttpServer().listening);
      }
    }
    @WSSHandler('/')
    class OurServer {
      onConnection() {
        return null;
      }
      onOpen() {
        listening.push('ours', app!.getHttpServer().listening);
      }
    }
    await startGateway(Gateway, (made) => (app = made));
    await startApp({ providers: [OurServer], configure: (made) => (app = made) });
    expect(await listening.next('gateway')).toEqual([false]);
    expect(await listening.next('ours')).toEqual([true]);
  });

  it('handleDisconnect(client); onTerminate(ws, { code, reason })', async () => {
    const gone = new Recorder();
    @WebSocketGateway({ path: '/' })
    class Gateway {
      handleDisconnect(client: WebSocket) {
        gone.push('gateway', client.readyState);
      }
    }
    @ConnectionHandler({ path: '/' })
    class Handler {
      onMessage() {}
      onTerminate(ws: WebSocketConnection, { code, reason }: WSTerminateEvent) {
        gone.push('ours', ws.status, code, reason);
      }
    }
    await (await connect((await startGateway(Gateway)).wsUrl)).close(4000, 'bye');
    await (await connect((await startApp({ providers: [Handler] })).wsUrl)).close(4000, 'bye');
    expect(await gone.next('gateway')).toEqual([3]);
    expect(await gone.next('ours')).toEqual(['Closed', 4000, 'bye']);
  });

  it('messages are handled while handleConnection still awaits; here they wait for onOpen', async () => {
    const ready = deferred<void>();
    const order: string[] = [];
    @WebSocketGateway({ path: '/' })
    class Gateway {
      async handleConnection() {
        await ready.promise;
        order.push('gateway connected');
      }
      @SubscribeMessage('say')
      say() {
        order.push('gateway message');
        return 'done';
      }
    }
    const opening = deferred<void>();
    @ConnectionHandler({ path: '/' })
    class Handler {
      async onOpen(ws: WebSocketConnection) {
        ws.send('opening');
        await opening.promise;
        order.push('our open');
      }
      onMessage() {
        order.push('our message');
        return 'done';
      }
    }
    const gatewayClient = await connect((await startGateway(Gateway)).wsUrl);
    say(gatewayClient);
    expect(await gatewayClient.next()).toBe('"done"');
    ready.resolve();
    await ready.promise;
    const { wsUrl } = await startApp({ providers: [Handler] });
    const ourClient = await connect(wsUrl);
    say(ourClient);
    expect(await ourClient.next()).toBe('opening');
    opening.resolve();
    expect(await ourClient.next()).toBe('done');
    expect(order).toEqual(['gateway message', 'gateway connected', 'our open', 'our message']);
  });

  it('handlers of one client overlap; here one comes after the other', async () => {
    const order: string[] = [];
    const first = deferred<void>();
    const note = async (side: string, data: unknown) => {
      order.push(`${side} ${String(data)} begins`);
      if (data === 1) await first.promise;
      order.push(`${side} ${String(data)} ends`);
      return { event: 'said', data };
    };
    const gateway = await startGateway(gatewayOf((_client, data) => note('gateway', data)));
    const gatewayClient = await connect(gateway.wsUrl);
    say(gatewayClient, 1);
    say(gatewayClient, 2);
    expect(await gatewayClient.next()).toBe('{"event":"said","data":2}');
    const { Handler } = handlerOf((_ws, data) => note('ours', data));
    const { wsUrl } = await startApp({ providers: [Handler] });
    const ourClient = await connect(wsUrl);
    say(ourClient, 1);
    say(ourClient, 2);
    first.resolve();
    expect(await ourClient.next()).toBe('{"event":"said","data":1}');
    expect(await ourClient.next()).toBe('{"event":"said","data":2}');
    expect(order.filter((entry) => entry.startsWith('gateway')).slice(0, 3)).toEqual([
      'gateway 1 begins',
      'gateway 2 begins',
      'gateway 2 ends',
    ]);
    expect(order.filter((entry) => entry.startsWith('ours'))).toEqual([
      'ours 1 begins',
      'ours 1 ends',
      'ours 2 begins',
      'ours 2 ends',
    ]);
  });

  it('app.close(): clients see 1006; here 1001', async () => {
    const gateway = await startGateway(gatewayOf(() => undefined));
    const gatewayClient = await connect(gateway.wsUrl);
    await gateway.app.close();
    expect((await gatewayClient.closed).code).toBe(1006);
    const ours = await startApp({ providers: [handlerOf(() => undefined).Handler] });
    const ourClient = await connect(ours.wsUrl);
    await ours.close();
    expect((await ourClient.closed).code).toBe(1001);
  });
});

describe('messages in', () => {
  it('what is no { event, data }, and an unknown event, is dropped in silence; here onError hears of it', async () => {
    const gatewayClient = await connect((await startGateway(gatewayOf(() => 'x'))).wsUrl);
    gatewayClient.send('no JSON');
    say(gatewayClient, 1, 'unknown');
    expect(await receivedUntilEnd(gatewayClient)).toEqual([]);
    const { Handler, errors } = handlerOf(() => 'x');
    const ourClient = await connect((await startApp({ providers: [Handler] })).wsUrl);
    ourClient.send('no JSON');
    say(ourClient, 1, 'unknown');
    expect(await receivedUntilEnd(ourClient)).toEqual([]);
    for (let index = 0; index < 2; index++) {
      expect((await errors.next('error'))[0]).toMatchObject({ errCode: 1007, componentSignature: 'json' });
    }
  });

  it("@MessageBody() is the data of the envelope; here the whole message, and @MessageBody('data') its data", async () => {
    @ConnectionHandler({ path: '/', dataType: 'object' })
    class Handler {
      onMessage(@MessageBody() whole: object, @MessageBody('data') data: object) {
        return { whole, data };
      }
    }
    const gatewayClient = await connect((await startGateway(gatewayOf((_client, data) => data))).wsUrl);
    say(gatewayClient, { a: 1 });
    expect(await gatewayClient.next()).toBe('{"a":1}');
    const ourClient = await connect((await startApp({ providers: [Handler] })).wsUrl);
    say(ourClient, { a: 1 });
    expect(JSON.parse(String(await ourClient.next()))).toEqual({
      whole: { event: 'say', data: { a: 1 } },
      data: { a: 1 },
    });
  });

  it('unbound arguments are (client, data), and pipes see the data; here (ws, event), and pipes see neither', async () => {
    const piped: unknown[] = [];
    class Pipe implements PipeTransform {
      transform(value: unknown) {
        piped.push(value);
        return value;
      }
    }
    @WebSocketGateway({ path: '/' })
    class Gateway {
      @UsePipes(Pipe)
      @SubscribeMessage('say')
      say(client: WebSocket, data: number) {
        return { client: client.readyState, data };
      }
    }
    @ConnectionHandler({ path: '/', dataType: 'object' })
    class Handler {
      @UsePipes(Pipe)
      onMessage(ws: WebSocketConnection, event: WSMessageEvent<{ data: number }>) {
        return { client: ws.status, data: event.data.data };
      }
    }
    const gatewayClient = await connect((await startGateway(Gateway)).wsUrl);
    say(gatewayClient, 7);
    expect(await gatewayClient.next()).toBe('{"client":1,"data":7}');
    expect(piped).toContain(7);
    piped.length = 0;
    const ourClient = await connect((await startApp({ providers: [Handler] })).wsUrl);
    say(ourClient, 7);
    expect(await ourClient.next()).toBe('{"client":"Connected","data":7}');
    expect(piped).toEqual([]);
  });

  it('beside a bound argument an unbound one is undefined; here it stays what it is by its place', async () => {
    @WebSocketGateway({ path: '/' })
    class Gateway {
      @SubscribeMessage('say')
      say(client: WebSocket, @MessageBody() data: number) {
        return { client: client === undefined, data };
      }
    }
    @ConnectionHandler({ path: '/', dataType: 'object' })
    class Handler {
      onMessage(ws: WebSocketConnection, @MessageBody('data') data: number) {
        return { client: ws instanceof WebSocketConnection, data };
      }
    }
    const gatewayClient = await connect((await startGateway(Gateway)).wsUrl);
    say(gatewayClient, 7);
    expect(await gatewayClient.next()).toBe('{"client":true,"data":7}');
    const ourClient = await connect((await startApp({ providers: [Handler] })).wsUrl);
    say(ourClient, 7);
    expect(await ourClient.next()).toBe('{"client":true,"data":7}');
  });

  it('@ConnectedSocket() and custom parameter decorators are the same', async () => {
    const Shout = createParamDecorator((_data: unknown, context: ExecutionContext) =>
      JSON.stringify(context.switchToWs().getData()).toUpperCase(),
    );
    @WebSocketGateway({ path: '/' })
    class Gateway {
      @SubscribeMessage('say')
      say(@ConnectedSocket() client: WebSocket, @Shout() shout: string) {
        client.send(JSON.stringify(shout));
      }
    }
    @ConnectionHandler({ path: '/', dataType: 'object' })
    class Handler {
      onMessage(@ConnectedSocket() ws: WebSocketConnection, @Shout() shout: string) {
        ws.send(JSON.stringify(shout));
      }
    }
    const shouts = [];
    for (const { wsUrl } of [await startGateway(Gateway), await startApp({ providers: [Handler] })]) {
      const client = await connect(wsUrl);
      say(client, 'hi');
      shouts.push(JSON.parse(String(await client.next())));
    }
    expect(shouts).toEqual(['"HI"', '{"EVENT":"SAY","DATA":"HI"}']);
  });

  it('@Ack() is undefined on platform-ws, and here', async () => {
    @WebSocketGateway({ path: '/' })
    class Gateway {
      @SubscribeMessage('say')
      say(@Ack() ack: unknown) {
        return { ack: typeof ack };
      }
    }
    @ConnectionHandler({ path: '/', dataType: 'object' })
    class Handler {
      onMessage(@Ack() ack: unknown) {
        return { ack: typeof ack };
      }
    }
    for (const { wsUrl } of [await startGateway(Gateway), await startApp({ providers: [Handler] })]) {
      const client = await connect(wsUrl);
      say(client);
      expect(await client.next()).toBe('{"ack":"undefined"}');
    }
  });
});

describe('messages out', () => {
  const replies = [
    ['an object', () => ({ a: 1 }), ['{"a":1}'], ['{"a":1}']],
    ['a string', () => 'text', ['"text"'], ['text']],
    ['a number', () => 5, ['5'], ['5']],
    ['false', () => false, ['false'], ['false']],
    ['undefined', () => undefined, [], []],
    ['null', () => null, [], []],
    ['a promise', () => Promise.resolve({ a: 1 }), ['{"a":1}'], ['{"a":1}']],
    ['an Observable', () => of({ a: 1 }, { a: 2 }), ['{"a":1}', '{"a":2}'], ['{"a":1}', '{"a":2}']],
    ['a Buffer', () => Buffer.from('b'), ['{"type":"Buffer","data":[98]}'], [Buffer.from('b')]],
    [
      'an async iterable',
      async function* () {
        yield { a: 1 };
        yield { a: 2 };
      },
      ['{}'],
      ['{"a":1}', '{"a":2}'],
    ],
  ] as const;

  it.each(replies)('%s that is returned, by a gateway', async (_name, reply, expected) => {
    const client = await connect((await startGateway(gatewayOf(reply))).wsUrl);
    say(client);
    expect(await client.take(expected.length)).toEqual(expected);
    expect(await receivedUntilEnd(client)).toEqual([]);
  });

  it.each(replies)('%s that is returned, here', async (_name, reply, _theirs, expected) => {
    const { Handler } = handlerOf(reply);
    const client = await connect((await startApp({ providers: [Handler] })).wsUrl);
    say(client);
    expect(await client.take(expected.length)).toEqual(expected);
    expect(await receivedUntilEnd(client)).toEqual([]);
  });

  it('client.send(JSON.stringify(…)) and server.clients; ws.send(…) and wss.broadcast(…)', async () => {
    @WebSocketGateway({ path: '/' })
    class Gateway {
      @Server() server!: GatewayServer;
      @SubscribeMessage('say')
      say(@ConnectedSocket() client: WebSocket) {
        client.send(JSON.stringify({ own: true }));
        for (const each of this.server.clients) each.send(JSON.stringify({ all: true }));
      }
    }
    @ConnectionHandler({ path: '/' })
    class Handler {
      onMessage(ws: WebSocketConnection) {
        ws.send({ own: true });
        ws.wss.broadcast({ all: true });
      }
    }
    for (const { wsUrl } of [await startGateway(Gateway), await startApp({ providers: [Handler] })]) {
      const [speaker, listener] = [await connect(wsUrl), await connect(wsUrl)];
      say(speaker);
      expect(await speaker.take(2)).toEqual(['{"own":true}', '{"all":true}']);
      expect(await listener.next()).toBe('{"all":true}');
    }
  });
});

describe('calls and streams', () => {
  const library = defineContract({
    calls: {
      find: { request: z.object({ title: z.string() }), response: z.number() },
      forget: { request: z.undefined() },
      several: { request: z.undefined(), response: z.number() },
      greet: { request: z.undefined(), response: z.string() },
    },
    streams: { count: { request: z.undefined(), item: z.number() } },
    asks: { nameOf: { request: z.undefined(), response: z.string() } },
  });
  type Library = typeof library;

  /** Gives one value, and never ends by itself. */
  function endless<T>(unsubscribed: () => void, value: T): Observable<T> {
    return new Observable((subscriber) => {
      subscriber.next(value);
      return unsubscribed;
    });
  }

  it('an ack is what is returned, if it is something, and its first value; a call always ends', async () => {
    @WebSocketGateway()
    class Gateway {
      @SubscribeMessage('find')
      find(@MessageBody() title: string) {
        if (title === 'Emma') return 1815;
        throw new WsException('no such title');
      }
      @SubscribeMessage('forget')
      forget() {}
      @SubscribeMessage('announce')
      announce() {
        return { event: 'announced' };
      }
      @SubscribeMessage('several')
      several() {
        return of(1, 2, 3);
      }
      @SubscribeMessage('greet')
      async greet(@ConnectedSocket() client: { emitWithAck(event: string): Promise<string> }) {
        return `hello ${await client.emitWithAck('nameOf')}`;
      }
    }
    const { wsUrl: gatewayUrl } = await startGateway(Gateway, (app) =>
      app.useWebSocketAdapter(new IoAdapter(app)),
    );
    const socket = io(gatewayUrl, { transports: ['websocket'] });
    endings.push(() => socket.disconnect());
    socket.on('nameOf', (answer: (name: string) => void) => answer('Ada'));
    expect(await socket.emitWithAck('find', 'Emma')).toBe(1815);
    const exception = new Promise((resolve) => socket.once('exception', resolve));
    const acknowledged: string[] = [];
    socket.emit('find', 'Godot', () => acknowledged.push('find'));
    await exception;
    socket.emit('forget', () => acknowledged.push('forget'));
    const announced = new Promise((resolve) => socket.once('announced', resolve));
    socket.emit('announce', () => acknowledged.push('announce'));
    await announced;
    expect(await socket.emitWithAck('several')).toBe(1);
    expect(await socket.emitWithAck('greet')).toBe('hello Ada');
    expect(acknowledged).toEqual([]);

    @ConnectionHandler({ path: '/', contract: library })
    class Handler {
      find(_ws: ConnectionOf<Library>, { title }: { title: string }) {
        if (title === 'Emma') return 1815;
        throw new NotFoundException('no such title');
      }
      forget() {}
      several() {
        return of(1, 2, 3);
      }
      async greet(ws: ConnectionOf<Library>) {
        return `hello ${await ws.call(library.nameOf())}`;
      }
      count() {
        return of(1, 2, 3);
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler] });
    const ws = new FourDWebSocket(wsUrl, { nameOf: () => 'Ada' }, { contract: library });
    endings.push(() => ws.terminate());
    expect(await ws.call(library.find({ title: 'Emma' }))).toBe(1815);
    await expect(ws.call(library.find({ title: 'Godot' }))).rejects.toMatchObject({
      name: 'RpcError',
      code: 404,
      message: 'no such title',
    });
    expect(await ws.call(library.forget())).toBeUndefined();
    expect(await ws.call(library.several())).toBe(3);
    expect(await ws.call(library.greet())).toBe('hello Ada');
  });

  it('of an Observable a gateway’s client sees messages only; a stream ends, and is unsubscribed when it is left', async () => {
    const gatewayClient = await connect(
      (await startGateway(gatewayOf(() => of({ event: 'counted', data: 1 }, { event: 'counted', data: 2 }))))
        .wsUrl,
    );
    say(gatewayClient);
    expect(await receivedUntilEnd(gatewayClient)).toEqual([
      '{"event":"counted","data":1}',
      '{"event":"counted","data":2}',
    ]);
    const gatewayLeft = deferred<void>();
    const leaver = await connect(
      (await startGateway(gatewayOf(() => endless(gatewayLeft.resolve, { event: 'counted', data: 1 }))))
        .wsUrl,
    );
    say(leaver);
    await leaver.next();
    await leaver.close();
    await gatewayLeft.promise;

    const left = deferred<void>();
    let isEndless = false;
    @ConnectionHandler({ path: '/', contract: library })
    class Handler {
      find() {}
      forget() {}
      several() {}
      greet() {}
      count() {
        return isEndless ? endless(left.resolve, 1) : of(1, 2);
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler] });
    const ws = new FourDWebSocket(wsUrl, { nameOf: () => 'Ada' }, { contract: library });
    endings.push(() => ws.terminate());
    const items: number[] = [];
    for await (const item of ws.stream(library.count())) items.push(item);
    expect(items).toEqual([1, 2]);
    isEndless = true;
    for await (const item of ws.stream(library.count())) {
      expect(item).toBe(1);
      break;
    }
    await left.promise;
  });
});

describe('enhancers', () => {
  it('a guard sees the type ws, the client, the data, and a pattern: the event; here the path of the server', async () => {
    const seen: unknown[] = [];
    class Guard implements CanActivate {
      canActivate(context: ExecutionContext) {
        const ws = context.switchToWs();
        seen.push(context.getType(), ws.getData(), ws.getPattern());
        seen.push(context.switchToHttp().getRequest() === ws.getClient());
        return true;
      }
    }
    @WebSocketGateway({ path: '/there' })
    class Gateway {
      @UseGuards(Guard)
      @SubscribeMessage('say')
      say() {
        return 'done';
      }
    }
    @ConnectionHandler({ path: '/there', dataType: 'object', discriminator: 'event' })
    class Handler {
      @UseGuards(Guard)
      @OnMessage('say')
      say() {
        return 'done';
      }
    }
    for (const { wsUrl } of [await startGateway(Gateway), await startApp({ providers: [Handler] })]) {
      const client = await connect(`${wsUrl}/there`);
      say(client, 7);
      await client.next();
    }
    expect(seen.slice(0, 4)).toEqual(['ws', 7, 'say', true]);
    expect(seen.slice(4)).toEqual(['ws', { event: 'say', data: 7 }, '/there', true]);
  });

  it('a guard’s no: a gateway’s client is in already; here HTTP 403 on onConnection, on onMessage an onError with 403', async () => {
    class No implements CanActivate {
      canActivate() {
        return false;
      }
    }
    @WebSocketGateway({ path: '/' })
    @UseGuards(No)
    class Gateway {
      @SubscribeMessage('say')
      say() {
        return 'let in';
      }
    }
    const gatewayClient = await connect((await startGateway(Gateway)).wsUrl);
    say(gatewayClient);
    if (tellsClients) {
      expect(JSON.parse(String(await gatewayClient.next()))).toMatchObject({
        event: 'exception',
        data: { status: 'error', message: 'Forbidden resource' },
      });
    }
    const { Handler, errors } = handlerOf(() => 'let in');
    UseGuards(No)(Handler.prototype, 'say', Object.getOwnPropertyDescriptor(Handler.prototype, 'say')!);
    @ConnectionHandler()
    class Inside {
      onMessage() {}
    }
    @WSSHandler('/closed')
    @UseGuards(No)
    class Closed {
      onConnection() {
        return Inside;
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler, Inside, Closed] });
    expect((await connectRefused(`${wsUrl}/closed`)).status).toBe(403);
    const client = await connect(wsUrl);
    say(client);
    expect(await receivedUntilEnd(client)).toEqual([]);
    expect((await errors.next('error'))[0]).toMatchObject({ errCode: 403, message: 'Forbidden resource' });
  });

  it('interceptors see each value of a stream on both', async () => {
    class Wrap implements NestInterceptor {
      intercept(_context: ExecutionContext, next: CallHandler) {
        return next.handle().pipe(map((value: unknown) => ({ value })));
      }
    }
    @WebSocketGateway({ path: '/' })
    @UseInterceptors(Wrap)
    class Gateway {
      @SubscribeMessage('say')
      say() {
        return of(1, 2);
      }
    }
    @ConnectionHandler({ path: '/' })
    @UseInterceptors(Wrap)
    class Handler {
      onMessage() {
        return of(1, 2);
      }
    }
    for (const { wsUrl } of [await startGateway(Gateway), await startApp({ providers: [Handler] })]) {
      const client = await connect(wsUrl);
      say(client);
      expect(await client.take(2)).toEqual(['{"value":1}', '{"value":2}']);
    }
  });

  it('global exception filters do not run on messages', async () => {
    const caught: unknown[] = [];
    @Catch()
    class Filter implements ExceptionFilter {
      catch(exception: unknown) {
        caught.push(exception);
      }
    }
    const fail = () => {
      throw new WsException('out of stock');
    };
    const configure = (app: INestApplication) => app.useGlobalFilters(new Filter());
    const gatewayClient = await connect((await startGateway(gatewayOf(fail), configure)).wsUrl);
    say(gatewayClient);
    if (tellsClients) expect(String(await gatewayClient.next())).toContain('out of stock');
    expect(await receivedUntilEnd(gatewayClient)).toEqual([]);
    const { Handler, errors } = handlerOf(fail);
    const ourClient = await connect((await startApp({ providers: [Handler], configure })).wsUrl);
    say(ourClient);
    expect(await receivedUntilEnd(ourClient)).toEqual([]);
    expect(caught).toEqual([]);
    expect((await errors.next('error'))[0]).toMatchObject({ message: 'out of stock' });
  });

  describe('a WsException', () => {
    const fail = () => {
      throw new WsException('out of stock');
    };

    onNest12('is told to the client by a gateway (since Nest 12)', async () => {
      const client = await connect((await startGateway(gatewayOf(fail))).wsUrl);
      say(client, 7);
      expect(JSON.parse(String(await client.next()))).toEqual({
        event: 'exception',
        data: { status: 'error', message: 'out of stock', cause: { pattern: 'say', data: 7 } },
      });
    });

    it('here goes to onError, and the client is told nothing', async () => {
      const { Handler, errors } = handlerOf(fail);
      const client = await connect((await startApp({ providers: [Handler] })).wsUrl);
      say(client);
      expect(await receivedUntilEnd(client)).toEqual([]);
      expect((await errors.next('error'))[0]).toMatchObject({
        errCode: 1011,
        message: 'out of stock',
        componentSignature: 'user',
        error: expect.any(WsException),
      });
    });

    onNest12('here under BaseWsExceptionFilter is told as a gateway does (since Nest 12)', async () => {
      const { Handler } = handlerOf(fail);
      UseFilters(new BaseWsExceptionFilter())(Handler);
      const client = await connect((await startApp({ providers: [Handler] })).wsUrl);
      say(client, 7);
      expect(JSON.parse(String(await client.next()))).toEqual({
        event: 'exception',
        data: {
          status: 'error',
          message: 'out of stock',
          cause: { pattern: '/', data: { event: 'say', data: 7 } },
        },
      });
    });
  });

  describe('a message that a ValidationPipe refuses', () => {
    class Order {
      @IsInt() quantity!: number;
    }

    onNest12('a gateway calls an internal server error (since Nest 12)', async () => {
      @WebSocketGateway({ path: '/' })
      class Gateway {
        @UsePipes(new ValidationPipe())
        @SubscribeMessage('say')
        say(@MessageBody() order: Order) {
          return order;
        }
      }
      const client = await connect((await startGateway(Gateway)).wsUrl);
      say(client, { quantity: 'x' });
      expect(JSON.parse(String(await client.next()))).toMatchObject({
        event: 'exception',
        data: { status: 'error', message: 'Internal server error' },
      });
    });

    it('here goes to onError with 400; message is the exception’s, its response has the details', async () => {
      const errors = new Recorder();
      @ConnectionHandler({ path: '/', dataType: 'object' })
      class Handler {
        @UsePipes(new ValidationPipe())
        onMessage(@MessageBody('data') order: Order) {
          return order;
        }
        onError(_ws: WebSocketConnection, { errors: [first] }: WSErrorEvent) {
          errors.push('error', first);
        }
      }
      const client = await connect((await startApp({ providers: [Handler] })).wsUrl);
      say(client, { quantity: 'x' });
      const [first] = (await errors.next('error')) as [WSErrorEvent['errors'][0]];
      expect(first).toMatchObject({ errCode: 400, message: 'Bad Request Exception' });
      expect((first.error as HttpException).getResponse()).toEqual({
        statusCode: 400,
        error: 'Bad Request',
        message: ['quantity must be an integer number'],
      });
    });
  });
});

describe('a global guard that was written for controllers', () => {
  @Injectable()
  class TokenGuard implements CanActivate {
    canActivate(context: ExecutionContext) {
      const request = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
      if (request.headers.authorization !== 'Bearer secret') throw new UnauthorizedException();
      return true;
    }
  }
  @Injectable()
  class HandshakeGuard extends TokenGuard {
    override canActivate(context: ExecutionContext) {
      return context.getType() !== 'http' || super.canActivate(context);
    }
  }
  const headers = { authorization: 'Bearer secret' };

  function ours() {
    const { Handler, errors } = handlerOf(() => ({ said: true }));
    @WSSHandler({ path: '/inside', dataType: 'object' })
    class OurServer {
      onConnection() {
        return Handler;
      }
    }
    return { providers: [Handler, OurServer], errors };
  }

  it('protects the handshake, but fails on messages, whose switchToHttp() gives the client: of gateways, too', async () => {
    const gateway = await startGateway(
      gatewayOf(() => ({ said: true })),
      (app) => app.useGlobalGuards(new TokenGuard()),
    );
    const gatewayClient = await connect(gateway.wsUrl, { headers });
    say(gatewayClient);
    if (tellsClients) expect(String(await gatewayClient.next())).toContain('Internal server error');
    const { providers, errors } = ours();
    const { wsUrl } = await startApp({
      providers,
      configure: (app) => app.useGlobalGuards(new TokenGuard()),
    });
    expect((await connectRefused(`${wsUrl}/inside`)).status).toBe(401);
    const client = await connect(`${wsUrl}/inside`, { headers });
    say(client);
    expect((await errors.next('error'))[0]).toMatchObject({ errCode: 1011, error: expect.any(TypeError) });
  });

  it('lets messages pass if it asks for the type of its context first', async () => {
    const { providers } = ours();
    const { wsUrl } = await startApp({
      providers,
      configure: (app) => app.useGlobalGuards(new HandshakeGuard()),
    });
    expect((await connectRefused(`${wsUrl}/inside`)).status).toBe(401);
    const client = await connect(`${wsUrl}/inside`, { headers });
    say(client);
    expect(await client.next()).toBe('{"said":true}');
  });
});
