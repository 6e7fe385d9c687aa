/** Reference 6.2 and 6.4: clients that send, or read, too fast or too slow. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { ConnectionHandler, WebSocketServerRegistry, type WSErrorEvent } from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { connect } from '../support/client.js';
import { serveConnections } from '../support/connection-app.js';
import { deferred } from '../support/deferred.js';
import { NO_OP_INTERCEPTOR } from '../support/no-op-interceptor.js';
import { until } from '../support/patience.js';
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
