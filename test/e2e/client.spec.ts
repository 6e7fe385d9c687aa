/** The client on Node (reference 15.2 to 15.6), against servers that know nothing of it. */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { jest } from '@jest/globals';
import { WebSocket } from 'ws';
import { FourDWebSocket, type ClientOptions } from 'nestjs-4d-websocket/client';
import { ClientLog } from '../support/client-log.js';
import { freePort } from '../support/free-port.js';
import { PlainServer, type PlainServerOptions } from '../support/plain-server.js';
import { TestProcess } from '../support/process.js';

const QUICK = { minDelay: 1, maxDelay: 20 };

const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).toReversed()) await end();
});

async function startServer(options?: PlainServerOptions): Promise<PlainServer> {
  const server = await PlainServer.start(options);
  ended.push(() => server.kill());
  return server;
}

/** Makes a client whose hooks are written down; `hooks` come first. */
function open(
  url: ConstructorParameters<typeof FourDWebSocket>[0],
  handler: Record<string, any> = {},
  options: ClientOptions = { reconnect: QUICK },
) {
  const log = new ClientLog();
  const hooks: Record<string, unknown> = { ...handler };
  for (const [name, record] of Object.entries(log.hooks) as [string, (ws: any, event: any) => void][]) {
    hooks[name] = (ws: unknown, event: unknown) => {
      record(ws, event);
      return handler[name]?.(ws, event);
    };
  }
  const ws = new FourDWebSocket(url, hooks as object, options);
  ended.push(() => ws.terminate());
  return { ws, log };
}

const echo = (socket: WebSocket) =>
  socket.on('message', (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }));

describe('the members of 4D’s class', () => {
  it('dataType, handler, headers, id, status and url', async () => {
    const server = await startServer({ serve: echo });
    const headers = { 'x-authorization': 'secret', cookie: 'a=1; b=2', 'x-many': ['one', 'two'] };
    const { ws, log } = open(server.url, { dataType: 'object', headers });
    expect(ws.status).toBe('Connecting');
    expect(ws.dataType).toBe('object');
    expect(ws.headers).toBe(headers);
    expect(ws.handler.headers).toBe(headers);
    const other = open(server.url);
    expect(Number.isSafeInteger(ws.id)).toBe(true);
    expect(other.ws.id).not.toBe(ws.id);
    expect(await log.nth('open')).toEqual({ type: 'open', reconnected: false });
    expect(ws.status).toBe('Connected');
    expect(ws.url).toBe(server.url);
    const request = server.requests.find(({ headers: sent }) => sent['x-authorization'] === 'secret')!;
    expect(request.headers).toMatchObject({ cookie: 'a=1; b=2', 'x-many': 'one, two' });
    ws.terminate();
    expect(ws.status).toBe('Closing');
    await log.nth('terminate');
    expect(ws.status).toBe('Closed');
  });

  it('send goes by the type of the message, in order, Blobs too', async () => {
    const server = await startServer();
    const { ws, log } = open(server.url);
    await log.nth('open');
    ws.send('text');
    ws.send(new Blob(['blob']));
    ws.send(Buffer.from('buffer'));
    ws.send(new Uint16Array([1, 2]).subarray(1));
    ws.send(new Uint8Array([3]).buffer);
    ws.send(new SharedArrayBuffer(1));
    ws.send({ json: [1] });
    ws.send('');
    await server.until(() => server.received.length === 8);
    expect(server.received).toEqual([
      'text',
      '<626c6f62>',
      '<627566666572>',
      '<0200>',
      '<03>',
      '<00>',
      '{"json":[1]}',
      '',
    ]);
  });

  it.each([[undefined], [null], [5], [true], [5n], [Symbol('x')], [() => 1], [{ big: 5n }]])(
    'send(%p) is a TypeError',
    async (message) => {
      const server = await startServer();
      const { ws, log } = open(server.url);
      expect(() => ws.send(message as never)).toThrow(TypeError);
      await log.nth('open');
      expect(() => ws.send(message as never)).toThrow(TypeError);
      ws.send('after');
      await server.until(() => server.received.length > 0);
      expect(server.received).toEqual(['after']);
    },
  );

  it.each([
    ['text', 'text', false, 'text'],
    ['text', Buffer.from('é'), true, 'é'],
    ['blob', 'text', false, Buffer.from('text')],
    ['blob', Buffer.from([0, 255]), true, Buffer.from([0, 255])],
    ['object', '{"a":1}', false, { a: 1 }],
    ['object', Buffer.from('[null]'), true, [null]],
  ])('with dataType %p a message %p arrives decoded', async (dataType, message, isBinary, data) => {
    const server = await startServer({ serve: (socket) => socket.send(message) });
    const { log } = open(server.url, { dataType });
    const event = await log.nth('message');
    expect(event).toEqual({ type: 'message', data, isBinary });
    expect(Buffer.isBuffer(event.data)).toBe(dataType === 'blob');
  });

  it('what is not JSON is told and dropped; the connection goes on', async () => {
    const server = await startServer({
      serve(socket) {
        socket.send('{');
        socket.send(Buffer.from([0xff]));
        socket.send('"good"');
      },
    });
    const { log } = open(server.url, { dataType: 'object' });
    expect(await log.nth('message')).toMatchObject({ data: 'good' });
    expect(log.types).toEqual(['open', 'error', 'error', 'message']);
    const [{ errors }] = log.all('error') as [any];
    expect(errors[0]).toMatchObject({ errCode: 1007, componentSignature: 'json', error: expect.any(Error) });
    expect(errors[1]).toMatchObject({ message: expect.stringContaining('JSON') });
  });

  it('binary data that is not UTF-8 ends a text client with 1007', async () => {
    const codes: number[] = [];
    const server = await startServer({
      serve(socket) {
        socket.on('close', (code) => codes.push(code));
        socket.send(Buffer.from([0xff]));
      },
    });
    const { log } = open(server.url);
    expect(await log.nth('terminate')).toMatchObject({ code: 1007 });
    expect(log.types).toEqual(['open', 'error', 'terminate']);
    expect(log.all('error')[0]!.errors[0]).toMatchObject({ errCode: 1007, componentSignature: 'wsck' });
    await Promise.all([...server.clients].map((socket) => once(socket, 'close')));
    expect(codes).toEqual([1007]);
  });

  it('terminate sends its code and reason, 1000 by default, after what was sent', async () => {
    const closes: unknown[] = [];
    const server = await startServer({
      serve: (socket) => socket.on('close', (code, reason) => closes.push([code, reason.toString()])),
    });
    for (const end of [[], [1000], [3000, 'why'], [4999, 'ü'.repeat(61)]] as [number?, string?][]) {
      const { ws, log } = open(server.url);
      await log.nth('open');
      ws.send('last');
      ws.terminate(...end);
      ws.terminate(4000, 'a second time');
      ws.send('too late');
      expect(await log.nth('terminate')).toMatchObject({ code: end[0] ?? 1000 });
    }
    expect(closes).toEqual([
      [1000, ''],
      [1000, ''],
      [3000, 'why'],
      [4999, 'ü'.repeat(61)],
    ]);
    expect(server.received).toEqual(['last', 'last', 'last', 'last']);
  });

  it.each([[999], [1001], [1005], [2999], [5000], [3000.5], [NaN]])(
    'terminate(%p) is a RangeError',
    async (code) => {
      const { ws } = open(`ws://127.0.0.1:${await freePort()}`);
      expect(() => ws.terminate(code)).toThrow(RangeError);
      expect(() => ws.terminate(code)).toThrow(
        `"code" must be 1000 or a whole number from 3000 to 4999, got ${code}`,
      );
      expect(() => ws.terminate(4000, 'ü'.repeat(62))).toThrow(RangeError);
      expect(() => ws.terminate(4000, {} as never)).toThrow(TypeError);
      expect(ws.status).toBe('Connecting');
    },
  );

  it('terminate before the first connection simply ends', async () => {
    const tcp = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    ended.push(() => tcp.close());
    const { ws, log } = open(`ws://127.0.0.1:${(tcp.address() as AddressInfo).port}`);
    ws.send('never');
    const connection = once(tcp, 'connection') as Promise<[Socket]>;
    const [socket] = await connection;
    ws.terminate(4000, 'changed my mind');
    expect(ws.status).toBe('Closed');
    expect(ws.bufferedAmount).toBe(0);
    socket.on('error', () => undefined).resume();
    await once(socket, 'close');
    expect(log.events).toEqual([{ type: 'terminate', code: 1006, reason: undefined }]);
  });
});

describe('hooks', () => {
  it('never overlap: onOpen, each message, then onTerminate; what comes meanwhile waits in order', async () => {
    const server = await startServer({
      serve(socket) {
        for (let index = 0; index < 20; index++) socket.send(String(index));
        socket.close(4000, 'done');
      },
    });
    let running = 0;
    const order: unknown[] = [];
    const hook = (name: string) => async (_ws: unknown, event: any) => {
      expect(++running).toBe(1);
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      order.push(event.data ?? name);
      running--;
    };
    const { log } = open(server.url, {
      onOpen: hook('open'),
      onMessage: hook('message'),
      onTerminate: hook('end'),
    });
    expect(await log.nth('terminate')).toEqual({ type: 'terminate', code: 4000, reason: 'done' });
    while (order.length < 22) await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual(['open', ...Array.from({ length: 20 }, (_, index) => String(index)), 'end']);
  });

  it('what they throw or reject with goes to onError; a failing onError to the console; the client lives on', async () => {
    const logged = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    ended.push(() => logged.mockRestore());
    const server = await startServer({ serve: echo });
    const cause = new Error('the cause');
    const { ws, log } = open(server.url, {
      onOpen: () => Promise.reject(new Error('open', { cause })),
      onMessage(_ws: unknown, { data }: { data: string }) {
        if (data === 'throw') throw 'a string';
        return data === 'reject' ? Promise.reject(new Error('rejected')) : undefined;
      },
      onError(_ws: unknown, { errors }: any) {
        if (errors[0].message === 'a string') throw new Error('onError throws');
        if (errors[0].message === 'rejected') return Promise.reject(new Error('onError rejects'));
        return undefined;
      },
    });
    for (const message of ['throw', 'reject', 'fine']) ws.send(message);
    await log.nth('message', 3);
    expect(log.types).toEqual(['open', 'error', 'message', 'error', 'message', 'error', 'message']);
    const details = { errCode: 1011, componentSignature: 'user' };
    expect(log.all('error')[0]!.errors).toMatchObject([
      { ...details, message: 'open' },
      { ...details, message: 'the cause', error: cause },
    ]);
    expect(logged.mock.calls.map(([error]) => (error as Error).message)).toEqual([
      'onError throws',
      'onError rejects',
    ]);
  });

  it('without onError the console is told what the application did wrong, and nothing of the network', async () => {
    const logged = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    ended.push(() => logged.mockRestore());
    const ws = new FourDWebSocket(
      `ws://127.0.0.1:${await freePort()}`,
      {
        onDisconnect: () => Promise.reject(new Error('mine')),
        onTerminate: () => resolve(),
      },
      { reconnect: { ...QUICK, maxAttempts: 2 } },
    );
    let resolve!: () => void;
    await new Promise<void>((settle) => (resolve = settle));
    expect(ws.status).toBe('Closed');
    expect(logged.mock.calls.map(([error]) => (error as Error).message)).toEqual(['mine', 'mine']);
  });

  it('onError may end the client: onTerminate is still once and last', async () => {
    const { log } = open(`ws://127.0.0.1:${await freePort()}`, {
      onError: (ws: FourDWebSocket) => ws.terminate(),
    });
    await log.nth('terminate');
    expect(log.types).toEqual(['error', 'disconnect', 'terminate']);
  });

  it('are called on the handler, which may be an object of a class', async () => {
    const server = await startServer({ serve: echo });
    class Handler {
      readonly dataType = 'object';
      seen: unknown[] = [];
      done!: () => void;
      onOpen(ws: FourDWebSocket) {
        ws.send({ a: 1 });
      }
      onMessage(_ws: FourDWebSocket, { data }: { data: unknown }) {
        this.seen.push(data);
        this.done();
      }
    }
    const handler = new Handler();
    const done = new Promise<void>((resolve) => (handler.done = resolve));
    const ws = new FourDWebSocket(server.url, handler);
    ended.push(() => ws.terminate());
    await done;
    expect(handler.seen).toEqual([{ a: 1 }]);
    expect(ws.handler).toBe(handler);
  });
});

describe('sending while there is no connection', () => {
  it('waits, in order, for the end of onOpen; what onOpen sends goes first', async () => {
    const server = await startServer();
    const { ws } = open(server.url, {
      async onOpen(client: FourDWebSocket) {
        client.send('from onOpen');
        await new Promise((resolve) => setImmediate(resolve));
        client.send('from onOpen, later');
      },
    });
    ws.send('one');
    ws.send(new Blob(['two']));
    ws.send({ three: 3 });
    expect(ws.bufferedAmount).toBe(3 + 3 + 11);
    await ws.drain();
    expect(ws.bufferedAmount).toBe(0);
    await server.until(() => server.received.length === 5);
    expect(server.received).toEqual(['from onOpen', 'from onOpen, later', 'one', '<74776f>', '{"three":3}']);
  });

  it('past maxBufferedAmount it is a RangeError, and what was kept is still sent', async () => {
    const port = await freePort();
    const { ws } = open(`ws://127.0.0.1:${port}`, {}, { reconnect: QUICK, maxBufferedAmount: 10 });
    ws.send('12345');
    expect(() => ws.send('üüü')).toThrow(/maxBufferedAmount.* 10/);
    expect(() => ws.send('üüü')).toThrow(RangeError);
    ws.send('67890');
    const server = await startServer({ port });
    await server.until(() => server.received.length === 2);
    expect(server.received).toEqual(['12345', '67890']);
  });

  it('takes 1 MiB by default', async () => {
    const { ws } = open(`ws://127.0.0.1:${await freePort()}`);
    ws.send(new Uint8Array(1024 * 1024));
    expect(() => ws.send('1')).toThrow(RangeError);
  });

  it('with buffer: false drops', async () => {
    const server = await startServer();
    const { ws, log } = open(server.url, {}, { buffer: false });
    ws.send('dropped');
    await log.nth('open');
    ws.send('sent');
    await server.until(() => server.received.length > 0);
    expect(server.received).toEqual(['sent']);
  });

  it('drain rejects when the connection is lost, and when the client is closed', async () => {
    const server = await startServer({ serve: (socket) => socket.pause() });
    const { ws, log } = open(server.url, {}, { heartbeat: { interval: 200, timeout: 50 } });
    await log.nth('open');
    ws.send(Buffer.alloc(64 * 1024 * 1024));
    // The server reads nothing, no ping either: the client lets go of the connection.
    const drained = ws.drain();
    await expect(drained).rejects.toThrow('closed');
    ws.terminate();
    await log.nth('terminate');
    await expect(ws.drain()).rejects.toThrow('closed');
    expect(() => ws.drain(-1)).toThrow(RangeError);
  });
});

describe('reconnecting', () => {
  it('a server that is killed and started 100 times gets all that was sent meanwhile, in order', async () => {
    const port = await freePort();
    const { ws, log } = open(`ws://127.0.0.1:${port}`);
    const received: string[] = [];
    for (let round = 0; round < 100; round++) {
      for (let index = 0; index < 5; index++) ws.send(`${round}.${index}`);
      const server = await PlainServer.start({ port });
      await server.until(() => server.received.length === 5);
      received.push(...server.received);
      const lost = log.all('open').length;
      await server.kill();
      while (ws.status === 'Connected') await new Promise((resolve) => setImmediate(resolve));
      expect(lost).toBe(round + 1);
    }
    expect(received).toEqual(
      Array.from({ length: 500 }, (_, index) => `${Math.floor(index / 5)}.${index % 5}`),
    );
    expect(log.all('open').map(({ reconnected }) => reconnected)).toEqual([false, ...Array(99).fill(true)]);
    expect(log.all('terminate')).toEqual([]);
  });

  const again: [number, boolean][] = [
    ...[1000, 1001, 1009, 1011, 1012, 1013, 1014, 3000, 3999].map((code): [number, boolean] => [code, true]),
    ...[4408, 4425, 4429, 4500, 4503, 4599].map((code): [number, boolean] => [code, true]),
    ...[1002, 1003, 1007, 1008, 1010].map((code): [number, boolean] => [code, false]),
    ...[4000, 4400, 4401, 4403, 4404, 4499, 4600, 4999].map((code): [number, boolean] => [code, false]),
  ];
  it.each(again)('after close code %i: another attempt: %p', async (code, reconnects) => {
    const server = await startServer({ serve: (socket) => socket.close(code, 'because') });
    const { ws, log } = open(server.url, {}, { reconnect: { ...QUICK, maxAttempts: 1 } });
    expect(await log.nth('terminate')).toEqual({ type: 'terminate', code, reason: 'because' });
    expect(log.types).toEqual(
      reconnects ? ['open', 'disconnect', 'open', 'terminate'] : ['open', 'terminate'],
    );
    expect(ws.status).toBe('Closed');
  });

  it('after a close frame without a code, and a broken connection: another attempt', async () => {
    const server = await startServer({ serve: (socket) => socket.close() });
    const closed = open(server.url, {}, { reconnect: { ...QUICK, maxAttempts: 1 } });
    expect(await closed.log.nth('disconnect')).toMatchObject({ code: 1005, reason: undefined, attempt: 1 });
    const breaking = await startServer({ serve: (socket) => socket.terminate() });
    const broken = open(breaking.url, {}, { reconnect: { ...QUICK, maxAttempts: 1 } });
    expect(await broken.log.nth('disconnect')).toMatchObject({ code: 1006, reason: undefined, attempt: 1 });
  });

  const refusals: [number, boolean][] = [
    ...[200, 302, 408, 425, 429, 500, 502, 503].map((status): [number, boolean] => [status, true]),
    ...[400, 401, 403, 404, 409, 426].map((status): [number, boolean] => [status, false]),
  ];
  it.each(refusals)('after a refusal with HTTP %i: another attempt: %p', async (status, reconnects) => {
    const server = await startServer({ refuse: () => ({ status }) });
    const { log } = open(server.url, {}, { reconnect: { ...QUICK, maxAttempts: 1 } });
    expect(await log.nth('terminate')).toEqual({ type: 'terminate', code: 4000 + status, reason: 'Refused' });
    expect(log.types).toEqual(
      reconnects ? ['error', 'disconnect', 'error', 'terminate'] : ['error', 'terminate'],
    );
    expect(log.all('error')[0]!.errors[0]).toMatchObject({
      errCode: status,
      componentSignature: 'http',
      message: expect.stringContaining(String(status)),
    });
  });

  it('attempts are counted in a row; a connection that lasted five seconds starts a new one', async () => {
    const real = performance.now.bind(performance);
    let passed = 0;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => real() + passed);
    ended.push(() => clock.mockRestore());
    const server = await startServer();
    const { log } = open(server.url, {}, { reconnect: { ...QUICK, maxAttempts: 2 } });
    for (const [round, attempt] of [1, 2, 1, 2].entries()) {
      await log.nth('open', round + 1);
      if (round === 2) passed += 5000;
      for (const socket of server.clients) socket.close(1011);
      expect(await log.nth('disconnect', round + 1)).toMatchObject({ attempt });
    }
    await log.nth('open', 5);
    for (const socket of server.clients) socket.close(1011);
    await log.nth('terminate');
  });

  it('retry decides otherwise', async () => {
    const server = await startServer({ serve: (socket) => socket.close(4403) });
    const asked: unknown[] = [];
    const { log } = open(
      server.url,
      {},
      {
        reconnect: { ...QUICK, retry: (event) => asked.push(event) < 3 },
      },
    );
    expect(await log.nth('terminate')).toMatchObject({ code: 4403 });
    expect(log.all('disconnect')).toEqual(asked.slice(0, 2));
    expect(log.all('open')).toHaveLength(3);
  });

  it('a retry that throws is told, and changes nothing', async () => {
    const server = await startServer({ serve: (socket) => socket.close(1011) });
    const { log } = open(
      server.url,
      {},
      {
        reconnect: {
          ...QUICK,
          maxAttempts: 1,
          retry: () => {
            throw new Error('mine');
          },
        },
      },
    );
    await log.nth('terminate');
    expect(log.types).toEqual(['open', 'error', 'disconnect', 'open', 'terminate']);
  });

  it.each<[string, () => any]>([
    ['rejects', () => Promise.reject(new Error('mine'))],
    ['promises', async () => false],
    ['gives nothing', () => undefined],
    ['gives a number', () => 0],
  ])('a retry that %s is told, and changes nothing; no rejection is left alone', async (_what, retry) => {
    const unhandled = jest.fn();
    process.on('unhandledRejection', unhandled);
    ended.push(() => process.off('unhandledRejection', unhandled));
    const server = await startServer({ serve: (socket) => socket.close(1011) });
    const { log } = open(server.url, {}, { reconnect: { ...QUICK, maxAttempts: 1, retry } });
    await log.nth('terminate');
    await new Promise(setImmediate);
    expect(log.types).toEqual(['open', 'error', 'disconnect', 'open', 'terminate']);
    expect(log.all('error')[0]!.errors[0]).toMatchObject({
      message: expect.stringContaining('"reconnect.retry()" must be a boolean, got'),
      componentSignature: 'user',
    });
    expect(unhandled).not.toHaveBeenCalled();
  });

  it('reconnect: false ends with the connection, as in 4D', async () => {
    const server = await startServer({ serve: (socket) => socket.close(1011) });
    const { log } = open(server.url, {}, { reconnect: false });
    expect(await log.nth('terminate')).toMatchObject({ code: 1011 });
    expect(log.types).toEqual(['open', 'terminate']);
  });

  it('Retry-After is obeyed: seconds, or a date', async () => {
    let refusals = 0;
    const values = [() => '1', () => new Date(Date.now() + 2000).toUTCString()];
    const server = await startServer({
      refuse: () => {
        const value = values[refusals++];
        return value && { status: 503, headers: { 'Retry-After': value() } };
      },
    });
    const { log } = open(server.url);
    const began = performance.now();
    await log.nth('open');
    const [seconds, date] = log.all('disconnect');
    expect(seconds!.delay).toBeGreaterThan(1000);
    expect(seconds!.delay).toBeLessThan(1100);
    // A date has whole seconds.
    expect(date!.delay).toBeGreaterThan(900);
    expect(date!.delay).toBeLessThan(2100);
    expect(performance.now() - began).toBeGreaterThan(1900);
  });

  it('an attempt that a server never answers fails after connectTimeout', async () => {
    let connections = 0;
    const tcp = createServer((socket) => {
      connections++;
      socket.on('error', () => undefined);
      ended.push(() => socket.destroy());
    }).listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    ended.push(() => tcp.close());
    const { log } = open(
      `ws://127.0.0.1:${(tcp.address() as AddressInfo).port}`,
      {},
      {
        connectTimeout: 50,
        reconnect: { ...QUICK, maxAttempts: 2 },
      },
    );
    expect(await log.nth('terminate')).toMatchObject({ code: 1006 });
    expect(connections).toBe(3);
    expect(log.all('error')[0]!.errors[0]).toMatchObject({
      errCode: 1006,
      message: 'No connection within 50 ms',
    });
  });

  it('a server that hangs is noticed; a server that is only quiet is not taken for dead', async () => {
    const source = `
      import { WebSocketServer } from 'ws';
      const server = new WebSocketServer({ port: 0, host: '127.0.0.1' }, () => console.log('port', server.address().port));`;
    const child = new TestProcess('node', ['--input-type=module', '-e', source], {
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    ended.push(() => child.stop('SIGKILL'));
    const [, port] = await child.line(/^port (\d+)$/);
    const { ws, log } = open(
      `ws://127.0.0.1:${port}`,
      {},
      {
        heartbeat: { interval: 100, timeout: 200 },
        reconnect: { minDelay: 10_000 },
      },
    );
    await log.nth('open');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(ws.status).toBe('Connected');
    process.kill(child.pid, 'SIGSTOP');
    const stopped = performance.now();
    expect(await log.nth('disconnect')).toMatchObject({ code: 1006 });
    expect(performance.now() - stopped).toBeLessThan(2000);
    expect(log.all('error')[0]!.errors[0]!.message).toBe('The server does not answer');
  });

  it('a proxy that swallows the closing handshake does not keep the client', async () => {
    const server = await startServer({ serve: echo });
    let swallows = false;
    const proxy = createServer((socket) => {
      const upstream = new (socket.constructor as typeof Socket)();
      upstream.connect(server.port, '127.0.0.1');
      for (const [from, to] of [
        [socket, upstream],
        [upstream, socket],
      ] as const) {
        from.on('error', () => undefined);
        from.on('data', (chunk) => void (swallows || to.write(chunk)));
      }
      ended.push(() => (socket.destroy(), upstream.destroy()));
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    ended.push(() => proxy.close());
    const { ws, log } = open(`ws://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    await log.nth('open');
    swallows = true;
    ws.terminate();
    expect(ws.status).toBe('Closing');
    const began = performance.now();
    expect(await log.nth('terminate')).toMatchObject({ code: 1006 });
    expect(performance.now() - began).toBeLessThan(6000);
  });
});

describe('tokens and URLs', () => {
  it('are asked for before each attempt; the token is a header on Node', async () => {
    const server = await startServer({ serve: (socket) => socket.close(1011) });
    let asked = 0;
    const { log } = open(
      async () => `${server.url.replace('ws', 'http')}?n=${++asked}#fragment`,
      {
        headers: { Authorization: 'Basic abc' },
      },
      {
        token: () => `token-${asked}`,
        resume: false,
        reconnect: { ...QUICK, maxAttempts: 1 },
      },
    );
    await log.nth('terminate');
    expect(
      server.requests.map(({ url, headers }) => [
        url,
        headers.authorization,
        headers['sec-websocket-protocol'],
      ]),
    ).toEqual([
      ['/?n=1', 'Bearer token-1', undefined],
      ['/?n=2', 'Bearer token-2', undefined],
    ]);
  });

  it.each([
    ['HTTP 401', { refuse: () => ({ status: 401 }) }],
    ['close code 4401', { serve: (socket: WebSocket) => socket.close(4401) }],
  ])('after %s the token is asked for once more, then the client gives up', async (_name, options) => {
    const server = await startServer(options);
    const token = jest.fn(async () => 'expired');
    const { log } = open(server.url, {}, { token, reconnect: QUICK });
    expect(await log.nth('terminate')).toMatchObject({ code: 4401 });
    expect(token).toHaveBeenCalledTimes(2);
    expect(log.all('disconnect')).toHaveLength(1);
  });

  it.each([
    ['url() rejects', () => Promise.reject(new Error('no URL')), undefined, 'no URL'],
    ['url() gives nonsense', () => 'not a URL', undefined, 'ws:'],
    ['url() gives a scheme that is none', () => 'ftp://host', undefined, 'ws:'],
    [
      'token() throws',
      undefined,
      () => {
        throw new Error('no token');
      },
      'no token',
    ],
    ['token() gives an object', undefined, () => ({ secret: 1 }), 'a string'],
    ['token() gives a number', undefined, () => 123_456, 'a string'],
    ['a token that no header can hold', undefined, () => 'sec\nret', 'Authorization'],
  ])('%s: an attempt that failed', async (_name, url, token, message) => {
    const { log } = open(
      (url as () => string) ?? 'ws://127.0.0.1:1',
      {},
      {
        token: token as never,
        reconnect: { ...QUICK, maxAttempts: 1 },
      },
    );
    await log.nth('terminate');
    expect(log.types).toEqual(['error', 'disconnect', 'error', 'terminate']);
    const [{ errors }] = log.all('error') as [any];
    expect(errors[0].message.toLowerCase()).toContain(message.toLowerCase());
    expect(errors[0].message).not.toMatch(/123.?456|sec\nret/);
  });

  it('the server’s choice of the protocols that were offered is told', async () => {
    const server = await startServer();
    const { ws, log } = open(server.url, {}, { protocols: ['chat.v2', 'chat.v1'] });
    await log.nth('open');
    expect(ws.protocol).toBe('chat.v2');
  });
});
