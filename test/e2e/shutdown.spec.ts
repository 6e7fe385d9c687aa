import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { constants, deflateRawSync } from 'node:zlib';
import { Injectable, Module, Scope, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import {
  ConnectionHandler,
  FourDWebSocketModule,
  WebSocketConnection,
  WebSocketServerRegistry,
  WSSHandler,
  type WSMessageEvent,
  type WSOpenEvent,
  type WSTerminateEvent,
} from 'nestjs-4d-websocket';
import { NestFactory } from '@nestjs/core';
import { closeApps, createApp, startApp } from '../support/app.js';
import { connect, connectRefused } from '../support/client.js';
import { deferred } from '../support/deferred.js';
import { FixtureProcess } from '../support/fixture.js';
import { freePort } from '../support/free-port.js';
import { NO_OP_INTERCEPTOR } from '../support/no-op-interceptor.js';
import { within } from '../support/patience.js';
import { clientFrame, connectRaw, openSocket } from '../support/raw-client.js';
import { Recorder } from '../support/recorder.js';

afterEach(closeApps);

@Injectable()
class Database implements OnModuleDestroy {
  alive = true;
  onModuleDestroy() {
    this.alive = false;
  }
}

describe('13 shutdown', () => {
  it('what was received is handled, what was sent is flushed, then 1001; onTerminate while dependencies are alive', async () => {
    const events = new Recorder();
    const gate = deferred<void>();
    @ConnectionHandler()
    class Handler {
      constructor(private readonly database: Database) {}
      async onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
        events.push('message');
        await gate.promise;
        return data;
      }
      async onTerminate(_ws: WebSocketConnection, { code }: WSTerminateEvent) {
        await new Promise(setImmediate);
        events.push(`connection ended ${code} ${this.database.alive}`);
      }
    }
    @WSSHandler('/')
    class Server {
      constructor(private readonly database: Database) {}
      onConnection() {
        return Handler;
      }
      onTerminate() {
        events.push(`server ended ${this.database.alive}`);
      }
    }
    const { app, wsUrl } = await startApp({ providers: [Server, Handler, Database] });
    const client = await connect(wsUrl);
    for (const message of ['1', '2', '3']) client.send(message);
    await events.next('message');
    const closed = app.close();
    expect(await connectRefused(wsUrl)).toMatchObject({
      status: 503,
      json: { message: 'The server is shutting down' },
    });
    gate.resolve();
    expect(await client.take(3)).toEqual(['1', '2', '3']);
    expect((await client.closed).code).toBe(1001);
    await closed;
    expect(events.order.slice(-2)).toEqual(['connection ended 1001 true', 'server ended true']);
  });

  it('behind an interceptor that does nothing: what was received is handled and answered, then 1001', async () => {
    const events = new Recorder();
    const gate = deferred<void>();
    @ConnectionHandler({ path: '/' })
    class Handler {
      async onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
        events.push('message');
        await gate.promise;
        return data;
      }
      onTerminate(_ws: WebSocketConnection, { code }: WSTerminateEvent) {
        events.push(`ended ${code}`);
      }
    }
    const { app, wsUrl } = await startApp({ providers: [Handler, NO_OP_INTERCEPTOR] });
    const client = await connect(wsUrl);
    for (const message of ['1', '2', '3']) client.send(message);
    client.socket.ping();
    await once(client.socket, 'pong');
    await events.next('message');
    const closed = app.close();
    expect((await connectRefused(wsUrl)).status).toBe(503);
    gate.resolve();
    expect(await client.take(3)).toEqual(['1', '2', '3']);
    expect((await client.closed).code).toBe(1001);
    await closed;
    expect(events.order).toEqual(['message', 'message', 'message', 'ended 1001']);
  });

  it('a compressed connection loses no reply: all that came in one packet is answered before 1001', async () => {
    let handled = 0;
    @ConnectionHandler({ path: '/', perMessageDeflate: true })
    class Handler {
      onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
        if (++handled === 1) void ws.wss.terminate();
        return data;
      }
    }
    const { port } = await startApp({ providers: [Handler] });
    const client = await connectRaw(port, '/', { 'Sec-WebSocket-Extensions': 'permessage-deflate' });
    client.write(
      ...Array.from({ length: 20 }, (_, index) => {
        const data = deflateRawSync(`message ${index}`, { finishFlush: constants.Z_SYNC_FLUSH });
        // RFC 7692, section 7.2.1: without the last four bytes, and marked by the first reserved bit.
        return clientFrame(1, data.subarray(0, -4), { rsv: 4 });
      }),
    );
    let replies = 0;
    let frame = await client.frame();
    for (; frame.opcode !== 8; frame = await client.frame()) replies++;
    expect({ handled, replies, code: frame.payload.readUInt16BE(0) }).toEqual({
      handled: 20,
      replies: 20,
      code: 1001,
    });
    client.write(clientFrame(8, frame.payload));
    await client.closed;
  });

  it('reads what a client of the sub-protocol brings first: it is not taken for a new one', async () => {
    const events = new Recorder();
    @ConnectionHandler({ path: '/' })
    class Handler {
      onMessage() {}
      onOpen(_ws: WebSocketConnection, { reconnected }: WSOpenEvent) {
        events.push('open', reconnected);
      }
      onTerminate(_ws: WebSocketConnection, { code }: WSTerminateEvent) {
        events.push('terminate', code);
      }
    }
    const { app, wsUrl } = await startApp({ providers: [Handler] });
    const [brings, leaves] = await Promise.all(
      [1, 2].map(() => connect(wsUrl, { protocols: ['nestjs-4d-websocket.v1'] })),
    );
    const started = performance.now();
    const closed = app.close();
    brings!.send('["positions",[7],[]]\n');
    leaves!.close(1000);
    await closed;
    expect(performance.now() - started).toBeLessThan(2000);
    expect([...events.order].sort()).toEqual(['open', 'open', 'terminate', 'terminate']);
    expect(events.unread('open').flat().sort()).toEqual([false, true]);
    expect((await brings!.closed).code).toBe(1001);
    await leaves!.closed;
  });

  it('a handshake that is still being decided gets 503', async () => {
    const entered = deferred<void>();
    @WSSHandler('/')
    class Server {
      onConnection() {
        entered.resolve();
        return new Promise<null>(() => undefined);
      }
    }
    const { app, wsUrl } = await startApp({ providers: [Server] });
    const refused = connectRefused(wsUrl);
    await entered.promise;
    await app.close();
    expect((await refused).status).toBe(503);
  });

  it.each([
    ['clients that do not answer the close frame', { closeTimeout: 60 }, 60],
    ['hooks that never settle', { shutdownTimeout: 60 }, 60],
  ])('is bounded with %s', async (what, options, least) => {
    const terminated: number[] = [];
    @ConnectionHandler({ path: '/', ...options })
    class Handler {
      onMessage() {
        return what.startsWith('hooks') ? new Promise(() => undefined) : undefined;
      }
      onTerminate(_ws: WebSocketConnection, { code }: WSTerminateEvent) {
        terminated.push(code);
      }
    }
    const { app, port } = await startApp({ providers: [Handler] });
    const deaf = await connectRaw(port);
    deaf.write(clientFrame(1, 'x'));
    const server = app.get(WebSocketServerRegistry).get('/')!;
    while (
      server.connections.length === 0 ||
      [...server.connections][0]!.request.raw.socket.bytesRead < 100
    ) {
      await new Promise(setImmediate);
    }
    const started = performance.now();
    await app.close();
    const elapsed = performance.now() - started;
    await deaf.closed;
    expect(elapsed).toBeGreaterThan(least - 10);
    expect(elapsed).toBeLessThan(1000);
    expect(terminated).toEqual(what.startsWith('hooks') ? [] : [1006]);
  });

  it('a HTTP server that closes by itself closes its WebSocket servers', async () => {
    const ended = deferred<void>();
    @WSSHandler('/')
    class Server {
      onConnection() {
        return null;
      }
      onTerminate() {
        ended.resolve();
      }
    }
    const { app } = await startApp({ providers: [Server] });
    const server = app.get(WebSocketServerRegistry).get('/')!;
    app.getHttpServer().close();
    await ended.promise;
    await server.terminate();
    expect([...app.get(WebSocketServerRegistry)]).toEqual([]);
  });

  it('leaves the HTTP server as it was found', async () => {
    @ConnectionHandler({ path: '/' })
    class Handler {
      onMessage() {}
    }
    const { app, wsUrl, close } = await startApp({ providers: [Handler] });
    const httpServer = app.getHttpServer();
    await (await connect(wsUrl)).close();
    await close();
    expect(httpServer.listenerCount('upgrade')).toBe(0);
    expect(Object.hasOwn(httpServer, 'emit')).toBe(false);
  });

  it('an application context without a HTTP server starts and closes', async () => {
    @ConnectionHandler({ path: '/' })
    class Handler {
      onMessage() {}
    }
    @Module({ imports: [FourDWebSocketModule.forRoot()], providers: [Handler] })
    class AppModule {}
    const context = await NestFactory.createApplicationContext(AppModule, { logger: false });
    expect([...context.get(WebSocketServerRegistry)]).toEqual([]);
    await context.close();
  });

  it('closed while it still starts: it starts no servers, and listens on no port of its own', async () => {
    const [starting, gate] = [deferred<void>(), deferred<void>()];
    @Injectable()
    class Slow implements OnModuleInit {
      onModuleInit() {
        starting.resolve();
        return gate.promise;
      }
    }
    const port = await freePort();
    @ConnectionHandler({ path: '/', port })
    class Handler {
      onMessage() {}
    }
    const app = await createApp({ providers: [Slow, Handler] });
    const started = app.init();
    await starting.promise;
    await app.close();
    gate.resolve();
    await started;
    expect([...app.get(WebSocketServerRegistry)]).toEqual([]);
    await expect(connect(`ws://127.0.0.1:${port}/`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('13 the process ends by itself after app.close()', () => {
  it.each(['an idle TCP peer', 'a peer in the middle of its request', 'an idle HTTP client'])(
    'a server with a port of its own, and %s',
    async (who) => {
      const program = await FixtureProcess.start('test/e2e/fixture/own-port.ts');
      try {
        const client = await connect(program.url);
        client.send('x');
        expect(await client.next()).toBe('reply');
        const peer = await openSocket(program.port);
        if (who.startsWith('a peer')) peer.write('GET / HTTP/1.1\r\nHost: ');
        if (who.endsWith('client')) {
          peer.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
          expect(await peer.head()).toMatch(/^HTTP\/1.1 426/);
        }
        await program.call('close');
        expect((await client.closed).code).toBe(1001);
        expect(await within(program.exited)).toEqual([0, null]);
        peer.socket.destroy();
      } finally {
        await program.stop();
      }
    },
  );
});

describe('9.3 no leaks', () => {
  it('when a connection has closed nothing of the package holds its handler or its scoped providers', async () => {
    const collected = new Recorder();
    const registry = new FinalizationRegistry((what: string) => collected.push(what));
    @Injectable({ scope: Scope.REQUEST })
    class Scoped {
      constructor() {
        registry.register(this, 'scoped provider');
      }
    }
    @ConnectionHandler({ path: '/' })
    class Plain {
      constructor() {
        registry.register(this, 'handler');
      }
      onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
        ws.subscribe('topic');
        return data;
      }
    }
    @ConnectionHandler({ path: '/scoped' })
    class WithScoped extends Plain {
      constructor(readonly scoped: Scoped) {
        super();
      }
    }
    const { wsUrl } = await startApp({ providers: [Plain, WithScoped, Scoped] });
    for (const path of ['/', '/scoped']) {
      const client = await connect(wsUrl + path);
      client.send('x');
      await client.next();
      await client.close();
    }
    const gone = Promise.all([
      collected.next('handler'),
      collected.next('handler'),
      collected.next('scoped provider'),
    ]);
    let waiting = true;
    void gone.then(() => (waiting = false));
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    while (waiting) {
      collectGarbage();
      await new Promise(setImmediate);
    }
    await gone;
    expect(collected.order.sort()).toEqual(['handler', 'handler', 'scoped provider']);
  });
});
