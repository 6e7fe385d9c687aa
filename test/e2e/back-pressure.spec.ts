import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Module, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ConnectionHandler,
  FourDWebSocketModule,
  WebSocketConnection,
  WebSocketServerRegistry,
  type ConnectionHandlerOptions,
  type WSErrorEvent,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { selfSigned } from '../support/certificate.js';
import { connect } from '../support/client.js';
import { serveConnections } from '../support/connection-app.js';
import { countWrites } from '../support/count-writes.js';
import { deferred } from '../support/deferred.js';
import { NO_OP_INTERCEPTOR } from '../support/no-op-interceptor.js';
import { until, within } from '../support/patience.js';
import { clientFrame, connectRaw } from '../support/raw-client.js';
import { Recorder } from '../support/recorder.js';

afterEach(closeApps);

describe('6.2 back-pressure in', () => {
  it('past maxQueuedMessages reading pauses until they are served; all are served, in order', async () => {
    const gate = deferred<void>();
    const served: number[] = [];
    const { port, nextConnection } = await serveConnections(
      { maxQueuedMessages: 4 },
      async (ws, data: string) => {
        await gate.promise;
        served.push(Number(data.split(' ')[0]));
        if (data.endsWith('last')) ws.send('done');
      },
    );
    const client = await connectRaw(port);
    const ws = await nextConnection();
    const serverSocket = ws.request.raw.socket;
    const COUNT = 2000;
    // More than all buffers between us hold: the client is pushed back.
    const filler = 'x'.repeat(10_000);
    for (let index = 0; index < COUNT; index++) {
      client.write(clientFrame(1, `${index} ${filler} ${index === COUNT - 1 ? 'last' : ''}`));
    }
    while (!serverSocket.isPaused()) await new Promise(setImmediate);
    expect(client.socket.writableLength).toBeGreaterThan(1_000_000);
    const read = serverSocket.bytesRead;
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    expect(serverSocket.bytesRead - read).toBeLessThan(200_000);
    gate.resolve();
    expect((await client.frame()).payload.toString()).toBe('done');
    expect(served).toEqual(Array.from({ length: COUNT }, (_, index) => index));
    client.socket.destroy();
  });
});

describe('6.2 more of it', () => {
  it('behind an interceptor that does nothing: one handler at a time, and reading pauses', async () => {
    const gate = deferred<void>();
    const served: number[] = [];
    let running = 0;
    let most = 0;
    const { port, nextConnection } = await serveConnections(
      { maxQueuedMessages: 4 },
      async (ws, data: string) => {
        most = Math.max(most, ++running);
        await gate.promise;
        running--;
        served.push(parseInt(data, 10));
        if (data.endsWith('last')) ws.send('done');
      },
      { providers: [NO_OP_INTERCEPTOR] },
    );
    const client = await connectRaw(port);
    const serverSocket = (await nextConnection()).request.raw.socket;
    const COUNT = 2000;
    const filler = 'x'.repeat(10_000);
    for (let index = 0; index < COUNT; index++) {
      client.write(clientFrame(1, `${index} ${filler} ${index === COUNT - 1 ? 'last' : ''}`));
    }
    await until(() => serverSocket.isPaused() || most > 1);
    expect(most).toBe(1);
    gate.resolve();
    expect((await client.frame()).payload.toString()).toBe('done');
    expect(served).toEqual(Array.from({ length: COUNT }, (_, index) => index));
    expect(most).toBe(1);
    client.socket.destroy();
  });

  it('past maxQueuedBytes reading pauses until they are served; all are served, in order', async () => {
    const gate = deferred<void>();
    const served: number[] = [];
    const { port, nextConnection } = await serveConnections(
      { maxQueuedBytes: 100_000, maxQueuedMessages: 1_000_000 },
      async (ws, data: string) => {
        await gate.promise;
        served.push(parseInt(data, 10));
        if (data.endsWith('last')) ws.send('done');
      },
    );
    const client = await connectRaw(port);
    const serverSocket = (await nextConnection()).request.raw.socket;
    const COUNT = 400;
    const filler = 'x'.repeat(50_000);
    for (let index = 0; index < COUNT; index++) {
      client.write(clientFrame(1, `${index} ${filler} ${index === COUNT - 1 ? 'last' : ''}`));
    }
    await until(() => serverSocket.isPaused() || serverSocket.bytesRead > 2_000_000);
    expect(serverSocket.bytesRead).toBeLessThan(1_000_000);
    expect(serverSocket.isPaused()).toBe(true);
    gate.resolve();
    expect((await client.frame()).payload.toString()).toBe('done');
    expect(served).toEqual(Array.from({ length: COUNT }, (_, index) => index));
    client.socket.destroy();
  });
});

describe('6.4 back-pressure out', () => {
  it.each(['text', 'blob'] as const)(
    'an echo of 16 MiB reaches a client that reads, with the default limit (%s)',
    async (dataType) => {
      const { wsUrl } = await serveConnections(
        { dataType, maxPayload: 32 * 1024 * 1024 },
        (_ws, data) => data,
      );
      const client = await connect(wsUrl);
      const message = Buffer.alloc(16 * 1024 * 1024, 'x');
      client.send(dataType === 'text' ? message.toString() : message);
      expect(await client.next()).toHaveLength(message.length);
      client.send('next');
      expect(String(await client.next())).toBe('next');
    },
  );

  it('onError of a client that does not read sees nothing of who published', async () => {
    const caller = new AsyncLocalStorage<string>();
    const stores = new Recorder();
    @ConnectionHandler({ path: '/', maxBufferedAmount: 100_000, closeTimeout: 50 })
    class Handler {
      onMessage() {}
      onError() {
        stores.push('store', caller.getStore());
      }
    }
    const { app, port } = await startApp({ providers: [Handler] });
    const lazy = await connectRaw(port);
    lazy.socket.pause();
    const server = app.get(WebSocketServerRegistry).get('/')!;
    await until(() => server.connections.length === 1);
    while (server.connections.length === 1) {
      caller.run('who published', () => server.broadcast('x'.repeat(200_000)));
      await new Promise(setImmediate);
    }
    expect(await stores.next('store')).toEqual([undefined]);
    lazy.socket.destroy();
  });

  it('a client that does not read is closed past maxBufferedAmount, with onError 1013; others do not notice', async () => {
    const { port, events, nextConnection, server } = await serveConnections({
      maxBufferedAmount: 1_000_000,
      closeTimeout: 50,
    });
    const lazy = await connectRaw(port);
    lazy.socket.pause();
    await nextConnection();
    const eager = await connect(`ws://127.0.0.1:${port}/`);
    await nextConnection();
    const text = 'x'.repeat(200_000);
    let sent = 0;
    while (server.connections.length === 2) {
      server.broadcast(text);
      sent++;
      expect(await eager.next()).toHaveLength(text.length);
    }
    const [event] = (await events.next('error')) as [WSErrorEvent];
    expect(event.errors[0]).toMatchObject({ errCode: 1013, componentSignature: 'wsck' });
    expect(event.errors[0].message).toMatch(/maxBufferedAmount is 1000000/);
    expect((await events.next('terminate'))[0]).toMatchObject({ code: 1006 });
    expect(sent).toBeGreaterThan(5);
    eager.send('x');
    lazy.socket.destroy();
  });

  it('a slow client that reads on sees 1013, after what was sent', async () => {
    const { port, nextConnection } = await serveConnections({
      maxBufferedAmount: 100_000,
      closeTimeout: 5000,
    });
    const client = await connectRaw(port);
    client.socket.pause();
    const ws = await nextConnection();
    let sent = 0;
    while (ws.status === 'Connected') {
      ws.send('x'.repeat(200_000));
      sent++;
      await new Promise(setImmediate);
    }
    client.socket.resume();
    for (let index = 0; index < sent; index++) expect((await client.frame()).payload).toHaveLength(200_000);
    expect(await client.closeCode()).toBe(1013);
    client.socket.destroy();
  });
});

describe('2 bufferedAmount and drain', () => {
  it('bufferedAmount counts what was accepted; drain resolves when it is at the threshold', async () => {
    const { wsUrl, nextConnection } = await serveConnections({});
    const client = await connect(wsUrl);
    const ws = await nextConnection();
    expect(ws.bufferedAmount).toBe(0);
    ws.send('x'.repeat(1000));
    expect(ws.bufferedAmount).toBeGreaterThanOrEqual(1000);
    await ws.drain();
    expect(ws.bufferedAmount).toBe(0);
    expect(await client.next()).toHaveLength(1000);
    await ws.drain();
  });

  it.each([false, true])(
    'drain waits for a client that reads slowly (compression: %s)',
    async (perMessageDeflate) => {
      const { wsUrl, nextConnection } = await serveConnections({
        perMessageDeflate,
        maxBufferedAmount: 2 ** 30,
      });
      const client = await connect(wsUrl);
      const ws = await nextConnection();
      client.socket.pause();
      for (let index = 0; index < 64; index++) ws.send(randomBytes(256 * 1024));
      let drained = false;
      const draining = [ws.drain(), ws.drain(4_000_000)].map((promise) =>
        promise.then(() => (drained = true)),
      );
      for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
      expect(drained).toBe(false);
      client.socket.resume();
      await Promise.all(draining);
      expect(ws.bufferedAmount).toBe(0);
      expect((await client.take(64)).every((message) => message.length === 256 * 1024)).toBe(true);
    },
  );

  it('drain counts Blobs', async () => {
    const { wsUrl, nextConnection } = await serveConnections({});
    const client = await connect(wsUrl);
    const ws = await nextConnection();
    ws.send(new Blob(['x'.repeat(1_000_000)]));
    expect(ws.bufferedAmount).toBeGreaterThanOrEqual(1_000_000);
    await ws.drain();
    expect(ws.bufferedAmount).toBe(0);
    expect(await client.next()).toHaveLength(1_000_000);
  });

  it('drain rejects if the connection closes first, and on a closed connection', async () => {
    const { port, nextConnection, events } = await serveConnections({ maxBufferedAmount: 2 ** 30 });
    const client = await connectRaw(port);
    client.socket.pause();
    const ws = await nextConnection();
    for (let index = 0; index < 40; index++) ws.send(Buffer.alloc(1_000_000));
    const draining = ws.drain();
    client.socket.resetAndDestroy();
    await expect(draining).rejects.toThrow(/closed before its buffer had drained/);
    await events.next('terminate');
    await expect(ws.drain()).rejects.toThrow(/is closed/);
    expect(() => ws.drain(-1)).toThrow(RangeError);
  });

  it('drain to a client that has ended its side settles, and all data arrives', async () => {
    const { port, nextConnection, events } = await serveConnections({ maxBufferedAmount: 2 ** 30 });
    const client = await connectRaw(port);
    client.socket.pause();
    const ws = await nextConnection();
    const data = randomBytes(8_000_000);
    ws.send(data);
    client.socket.end();
    await until(() => ws.status !== 'Connected');
    expect(ws.bufferedAmount).toBeGreaterThan(0);
    const drained = ws.drain().then(
      () => 'drained',
      () => 'closed',
    );
    client.socket.resume();
    expect((await client.frame()).payload.equals(data)).toBe(true);
    expect(await within(drained)).toMatch(/drained|closed/);
    await events.next('terminate');
    expect(events.unread('error')).toEqual([]);
  });

  describe('on HTTPS, with control frames behind the data', () => {
    let app: INestApplication;
    afterEach(() => app.close());

    async function serveSecurely(options: ConnectionHandlerOptions) {
      const events = new Recorder();
      @ConnectionHandler({ path: '/', maxBufferedAmount: 2 ** 30, ...options })
      class Handler {
        onOpen(ws: WebSocketConnection) {
          events.push('open', ws);
        }
        onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
          // No reply: nothing that follows the control frames helps drain().
          events.push('message', data);
        }
      }
      @Module({ imports: [FourDWebSocketModule.forRoot()], providers: [Handler] })
      class AppModule {}
      app = await NestFactory.create(AppModule, { httpsOptions: await selfSigned(), logger: false });
      await app.listen(0, '127.0.0.1');
      const { port } = app.getHttpServer().address() as AddressInfo;
      const client = await connect(`wss://127.0.0.1:${port}/`, { rejectUnauthorized: false });
      const [ws] = (await events.next('open')) as [WebSocketConnection];
      return { client, ws, events };
    }

    it('pongs, of a client that reads late and pings: drain resolves', async () => {
      const { client, ws, events } = await serveSecurely({});
      client.socket.pause();
      ws.send(Buffer.alloc(8_000_000));
      const drained = ws.drain().then(() => 'drained');
      for (let index = 0; index < 3; index++) client.socket.ping();
      client.send('after the pings');
      await events.next('message');
      let pongs = 0;
      client.socket.on('pong', () => pongs++);
      client.socket.resume();
      expect(await client.next()).toHaveLength(8_000_000);
      await until(() => pongs === 3);
      expect(await within(drained, 2000)).toBe('drained');
    });

    it('the server’s own pings: drain resolves', async () => {
      const { client, ws } = await serveSecurely({ heartbeat: { interval: 40, timeout: 20_000 } });
      client.socket.pause();
      ws.send(Buffer.alloc(8_000_000));
      const drained = ws.drain().then(() => 'drained');
      let least = Infinity;
      await until(() => {
        const grown = ws.bufferedAmount > least;
        least = ws.bufferedAmount;
        return grown;
      });
      const pinged = once(client.socket, 'ping');
      client.socket.resume();
      expect(await client.next()).toHaveLength(8_000_000);
      await pinged;
      expect(await within(drained, 2000)).toBe('drained');
    });
  });

  it('the recipe: for await with drain sends a large source in constant memory', async () => {
    const CHUNKS = 1000;
    let peak = 0;
    async function* source() {
      for (let index = 0; index < CHUNKS; index++) yield Buffer.alloc(64 * 1024, index);
    }
    const { wsUrl } = await serveConnections({}, async (ws) => {
      for await (const chunk of source()) {
        ws.send(chunk);
        peak = Math.max(peak, ws.bufferedAmount);
        await ws.drain(64 * 1024);
      }
      ws.send('end');
    });
    const client = await connect(wsUrl);
    client.send('start');
    for (let index = 0; index < CHUNKS; index++) expect((await client.next())[0]).toBe(index % 256);
    expect(await client.next()).toBe('end');
    expect(peak).toBeLessThan(64 * 1024 * 2 + 100);
  });
});

describe('8 heartbeat', () => {
  it('a client that answers pings, or talks, stays; one that does neither is gone with 1006', async () => {
    const { port, events, nextConnection, server } = await serveConnections({
      heartbeat: { interval: 60, timeout: 60 },
    });
    const answers = await connectRaw(port);
    const answering = await nextConnection();
    const talks = await connectRaw(port);
    await nextConnection();
    const silent = await connectRaw(port);
    await nextConnection();
    const pings: number[] = [];
    void (async () => {
      for (;;) {
        const { opcode } = await answers.frame();
        pings.push(opcode);
        answers.write(clientFrame(10));
      }
    })().catch(() => undefined);
    const talking = setInterval(() => talks.write(clientFrame(1, 'x')), 20);
    const [event] = (await events.next('error')) as [WSErrorEvent];
    expect(event.errors[0]).toMatchObject({ errCode: 1006, componentSignature: 'wsck' });
    expect(event.errors[0].message).toMatch(/heartbeat missed/);
    expect((await events.next('terminate'))[0]).toMatchObject({ code: 1006 });
    await silent.closed;
    while (pings.length < 3) await new Promise(setImmediate);
    clearInterval(talking);
    expect(new Set(pings)).toEqual(new Set([9]));
    expect(answering.status).toBe('Connected');
    expect(server.connections.length).toBe(2);
    // Who talks is not pinged.
    expect(talks.chunks.slice(1)).toEqual([]);
    for (const { socket } of [answers, talks]) socket.destroy();
  });

  it('a client that the server itself does not read from is not given up', async () => {
    const gate = deferred<void>();
    const { port, nextConnection } = await serveConnections(
      { heartbeat: { interval: 20, timeout: 20 }, maxQueuedMessages: 1 },
      async (ws, data: string) => {
        await gate.promise;
        ws.send(data);
      },
    );
    const client = await connectRaw(port);
    const ws = await nextConnection();
    for (let index = 0; index < 4; index++) client.write(clientFrame(1, String(index)));
    // Long enough for several rounds of the heartbeat.
    const rounds = setInterval(() => undefined, 5);
    for (let elapsed = performance.now(); performance.now() - elapsed < 200;) await new Promise(setImmediate);
    clearInterval(rounds);
    expect(ws.status).toBe('Connected');
    gate.resolve();
    const echoed: string[] = [];
    while (echoed.length < 4) {
      const { opcode, payload } = await client.frame();
      if (opcode === 1) echoed.push(payload.toString());
      else client.write(clientFrame(10));
    }
    expect(echoed).toEqual(['0', '1', '2', '3']);
    client.socket.destroy();
  });

  it.each(['resets', 'ends'])(
    'a client that the server does not read from, whose handler never settles, leaves when its socket %s',
    async (how) => {
      const { port, server, nextConnection } = await serveConnections(
        { heartbeat: { interval: 50, timeout: 50 }, maxQueuedMessages: 1, shutdownTimeout: 100 },
        () => new Promise(() => undefined),
      );
      const client = await connectRaw(port);
      const ws = await nextConnection();
      for (let index = 0; index < 10; index++) client.write(clientFrame(1, 'x'.repeat(50_000)));
      await until(() => ws.request.raw.socket.isPaused());
      if (how === 'resets') client.socket.resetAndDestroy();
      else client.socket.destroy();
      await until(() => server.connections.length === 0, 3000);
      expect(ws.status).toBe('Closed');
    },
  );

  it('false turns it off', async () => {
    const { port } = await serveConnections({ heartbeat: false });
    const client = await connectRaw(port);
    for (let started = performance.now(); performance.now() - started < 100;) await new Promise(setImmediate);
    expect(client.chunks).toHaveLength(1);
    client.socket.destroy();
  });
});

describe('6.3 write coalescing', () => {
  it.each([
    ['short', 50, 100],
    ['long', 50, 20_000],
    ['one', 1, 10],
  ])('all sends of one turn leave in one write, in order (%s messages)', async (_what, count, length) => {
    const { wsUrl, nextConnection } = await serveConnections({});
    const client = await connect(wsUrl);
    const ws = await nextConnection();
    const writes = countWrites(ws.request.raw.socket);
    for (let index = 0; index < count; index++) {
      if (index % 2) ws.send(`${index} `.padEnd(length));
      else ws.send(Buffer.from(`${index} `.padEnd(length)));
    }
    expect(writes.count).toBe(0);
    const received = await client.take(count);
    expect(received.map((message) => parseInt(String(message), 10))).toEqual(
      Array.from({ length: count }, (_, index) => index),
    );
    expect(writes.count).toBe(1);
  });

  it('sends of promises that settle in the turn are part of it; a close frame leaves with them', async () => {
    const { wsUrl, nextConnection } = await serveConnections({});
    const client = await connect(wsUrl);
    const ws = await nextConnection();
    const writes = countWrites(ws.request.raw.socket);
    ws.send('1');
    await Promise.resolve();
    ws.send('2');
    await new Promise((resolve) => process.nextTick(resolve));
    ws.send('3');
    expect(writes.count).toBe(0);
    expect(await client.take(3)).toEqual(['1', '2', '3']);
    expect(writes.count).toBe(1);
  });

  it('a send before a long synchronous task leaves right after it', async () => {
    const { wsUrl, nextConnection } = await serveConnections({});
    const client = await connect(wsUrl);
    const ws = await nextConnection();
    ws.send('x');
    for (const started = performance.now(); performance.now() - started < 50;);
    expect(ws.bufferedAmount).toBeGreaterThan(0);
    await once(client.socket, 'message');
  });
});

describe('14.1 broadcast and topics', () => {
  it('broadcast reaches every connection but those excepted', async () => {
    const { wsUrl, server, nextConnection } = await serveConnections({});
    const clients = [];
    const connections = [];
    for (let index = 0; index < 4; index++) {
      clients.push(await connect(wsUrl));
      connections.push(await nextConnection());
    }
    server.broadcast('all');
    server.broadcast({ json: 1 }, { except: connections[0] });
    server.broadcast(Buffer.from('few'), { except: [connections[0]!, connections[1]!] });
    server.broadcast(new Blob(['blob']));
    server.broadcast('x'.repeat(10_000));
    const expected = ['all', '{"json":1}', 'few', 'blob', 'x'.repeat(10_000)];
    expect((await clients[0]!.take(3)).map(String)).toEqual([expected[0], expected[3], expected[4]]);
    expect((await clients[1]!.take(4)).map(String)).toEqual([
      expected[0],
      expected[1],
      expected[3],
      expected[4],
    ]);
    expect((await clients[2]!.take(5)).map(String)).toEqual(expected);
    expect((await clients[3]!.take(5)).map(String)).toEqual(expected);
    expect(() => server.broadcast(12 as never)).toThrow(TypeError);
  });

  it('one client closes, one is gone, one is compressed: the others receive all the same', async () => {
    const { wsUrl, server, nextConnection } = await serveConnections({ perMessageDeflate: true });
    const plain = await connect(wsUrl, { perMessageDeflate: false });
    await nextConnection();
    const compressed = await connect(wsUrl);
    await nextConnection();
    const closing = await connect(wsUrl);
    (await nextConnection()).terminate(4000);
    const gone = await connect(wsUrl);
    const goneSide = await nextConnection();
    goneSide.request.raw.socket.destroy();
    server.broadcast('to all');
    expect(await plain.next()).toBe('to all');
    expect(await compressed.next()).toBe('to all');
    expect(closing.unread).toEqual([]);
    await gone.closed;
  });

  it('publish reaches the subscribers of a topic; a closed connection leaves its topics', async () => {
    const { wsUrl, server, nextConnection, events } = await serveConnections({});
    const [first, second] = [await connect(wsUrl), await connect(wsUrl)];
    const [one, two] = [await nextConnection(), await nextConnection()];
    one.subscribe('news');
    one.subscribe('news');
    two.subscribe('news');
    two.subscribe('sport');
    expect([...two.topics].sort()).toEqual(['news', 'sport']);
    server.publish('news', '1');
    server.publish('sport', '2');
    server.publish('nobody', '3');
    server.publish('news', '4', { except: one });
    one.unsubscribe('news');
    one.unsubscribe('never');
    server.publish('news', '5');
    server.broadcast('end');
    expect(await first.take(2)).toEqual(['1', 'end']);
    expect(await second.take(5)).toEqual(['1', '2', '4', '5', 'end']);
    expect(server.topics.length).toBe(2);
    await second.close();
    await events.next('terminate');
    expect(two.topics.size).toBe(0);
    expect(server.topics.length).toBe(0);
    two.subscribe('late');
    expect(server.topics.length).toBe(0);
    expect(() => one.subscribe('')).toThrow(TypeError);
  });

  it('send and publish to one connection keep their order', async () => {
    const { wsUrl, server, nextConnection } = await serveConnections({});
    const client = await connect(wsUrl);
    const ws = await nextConnection();
    ws.subscribe('t');
    ws.send('1');
    server.publish('t', '2');
    ws.send(new Blob(['3']));
    server.publish('t', '4');
    server.broadcast('5');
    expect((await client.take(5)).map(String)).toEqual(['1', '2', '3', '4', '5']);
  });
});
