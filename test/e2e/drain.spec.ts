/** Reference 2: what waits to be written, and waiting for it. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Module, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ConnectionHandler,
  FourDWebSocketModule,
  WebSocketConnection,
  type ConnectionHandlerOptions,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { closeApps } from '../support/app.js';
import { selfSigned } from '../support/certificate.js';
import { connect } from '../support/client.js';
import { serveConnections } from '../support/connection-app.js';
import { until, within } from '../support/patience.js';
import { connectRaw } from '../support/raw-client.js';
import { Recorder } from '../support/recorder.js';

afterEach(closeApps);

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
