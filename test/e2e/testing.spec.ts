/** reference 20.2: the entry point `nestjs-4d-websocket/testing`. */
import type { Duplex } from 'node:stream';
import { jest } from '@jest/globals';
import {
  ServiceUnavailableException,
  UnauthorizedException,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  type INestApplication,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  ConnectionHandler,
  InvalidOptionError,
  WebSocketServerRegistry,
  WSSHandler,
  type HandshakeRequest,
  type WebSocketConnection,
  type WebSocketServer,
  type WSConnectionEvent,
  type WSMessageEvent,
  type WSOpenEvent,
  type WSTerminateEvent,
} from 'nestjs-4d-websocket';
import {
  connect,
  HandshakeRefusedError,
  MemoryBackplane,
  MemoryBroker,
  type ConnectOptions,
  type TestClient,
} from 'nestjs-4d-websocket/testing';
import { closeApps, createApp, initApp } from '../support/app.js';
import { selfSigned } from '../support/certificate.js';
import * as network from '../support/client.js';
import { compileFixture } from '../support/fixture.js';
import { freePort } from '../support/free-port.js';
import { within } from '../support/patience.js';
import { TestProcess } from '../support/process.js';
import { Recorder } from '../support/recorder.js';

afterEach(closeApps);

@ConnectionHandler({ path: '/echo', protocols: ['v2', 'v1'] })
class Echo {
  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
    if (data === 'leave') ws.terminate(4001, 'as asked');
    else return data;
  }
}

/** Listens to nothing. */
class Idle {
  onMessage() {}
}

/** A server that lets nobody in, by the path's parameter. */
@WSSHandler('/refuses/:how')
class Refuses {
  onConnection(_wss: WebSocketServer, { request }: WSConnectionEvent) {
    switch (request.params.how) {
      case 'null':
        return null;
      case '401':
        throw new UnauthorizedException('No token');
      case '503':
        throw new ServiceUnavailableException('Full');
      default:
        throw new Error('a secret');
    }
  }
  onError() {}
}

/** What a promise rejects with. */
function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => Promise.reject(new Error('it did not reject')),
    (error: unknown) => error,
  );
}

describe.each(['express', 'fastify'] as const)('on %s', (platform) => {
  it('a client talks with an application that does not listen', async () => {
    const app = await initApp({ platform, providers: [Echo] });
    const ws = await connect(app, '/echo');
    ws.send('hello');
    expect(await ws.next()).toBe('hello');
    expect(app.getHttpServer().listening).toBe(false);
    await app.close();
    expect(await ws.closed).toEqual({ code: 1001, reason: '' });
  });

  it('and with one that listens, beside clients of the network', async () => {
    const app = await initApp({ platform, providers: [Echo] });
    await app.listen(0, '127.0.0.1');
    const [here, there] = [
      await connect(app, '/echo'),
      await network.connect(`ws://127.0.0.1:${app.getHttpServer().address().port}/echo`),
    ];
    app.get(WebSocketServerRegistry).get('/echo')!.broadcast('to all');
    expect(await here.next()).toBe('to all');
    expect(await there.next()).toBe('to all');
    await app.close();
    expect((await here.closed).code).toBe(1001);
    expect((await there.closed).code).toBe(1001);
  });

  it('an application with HTTPS and a global prefix', async () => {
    const requests: HandshakeRequest[] = [];
    @WSSHandler('/secure')
    class Secure {
      onConnection(_wss: WebSocketServer, { request }: WSConnectionEvent) {
        requests.push(request);
        return { onMessage: (_ws: unknown, { data }: WSMessageEvent<string>) => data };
      }
    }
    const app = await initApp({
      platform,
      https: await selfSigned(),
      providers: [Secure],
      configure: (each) => void each.setGlobalPrefix('api'),
    });
    const ws = await connect(app, '/secure');
    ws.send('over TLS, so to speak');
    expect(await ws.next()).toBe('over TLS, so to speak');
    expect(requests[0]!.raw.socket).toMatchObject({ encrypted: true });
    expect(await rejectionOf(connect(app, '/api/secure'))).toMatchObject({ status: 404 });
  });

  it.each([
    ['/refuses/null', 403, { statusCode: 403, message: 'Forbidden', error: 'Forbidden' }],
    ['/refuses/401', 401, { statusCode: 401, message: 'No token', error: 'Unauthorized' }],
    ['/refuses/503', 503, { statusCode: 503, message: 'Full', error: 'Service Unavailable' }],
    ['/refuses/500', 500, { statusCode: 500, message: 'Internal server error' }],
    ['/nowhere', 404, { statusCode: 404, message: 'Cannot GET /nowhere', error: 'Not Found' }],
  ])('%s is refused with %i', async (path, status, body) => {
    const app = await initApp({ platform, providers: [Echo, Refuses] });
    const error = await rejectionOf(connect(app, path));
    expect(error).toBeInstanceOf(HandshakeRefusedError);
    expect(error).toMatchObject({
      name: 'HandshakeRefusedError',
      path,
      status,
      body,
      headers: { 'content-type': 'application/json; charset=utf-8', connection: 'close' },
    });
    expect((error as Error).message).toContain(`${path} was refused with HTTP ${status} `);
  });
});

describe('the handshake', () => {
  it('guards see the headers, the handler the whole request', async () => {
    const requests: HandshakeRequest[] = [];
    class KeyGuard implements CanActivate {
      canActivate(context: ExecutionContext) {
        return context.switchToHttp().getRequest<HandshakeRequest>().headers.key === 'letmein';
      }
    }
    @WSSHandler('/guarded/:room')
    class Guarded {
      @UseGuards(KeyGuard)
      onConnection(_wss: WebSocketServer, { request }: WSConnectionEvent) {
        requests.push(request);
        return new Idle();
      }
    }
    const app = await initApp({ providers: [Guarded] });
    expect(await rejectionOf(connect(app, '/guarded/7'))).toMatchObject({ status: 403 });
    const headers = { key: 'letmein', cookie: 'a=1', 'x-many': ['one', 'two'] };
    await connect(app, 'guarded/7?x=%20y', { headers });
    expect(requests).toHaveLength(1);
    const [request] = requests;
    expect(request).toMatchObject({
      url: '/guarded/7?x=%20y',
      params: { room: '7' },
      query: { x: ' y' },
      headers: { ...headers, host: 'localhost' },
      remoteAddress: '127.0.0.1',
    });
  });

  it('onOpen of the server has run when the first client asks, once, whether the application listens later or not', async () => {
    const events = new Recorder();
    @WSSHandler('/hooks')
    class Hooks {
      onOpen(wss: WebSocketServer, _event: WSOpenEvent) {
        events.push(`open ${wss.path}`);
      }
      onConnection() {
        events.push('connection');
        return new Idle();
      }
      onTerminate() {
        events.push('terminate');
      }
    }
    const app = await initApp({ providers: [Hooks] });
    expect(events.order).toEqual([]);
    await connect(app, '/hooks');
    await connect(app, '/hooks');
    await app.listen(0, '127.0.0.1');
    await app.close();
    expect(events.order).toEqual(['open /hooks', 'connection', 'connection', 'terminate']);
  });

  it('protocols: the server chooses', async () => {
    const app = await initApp({ providers: [Echo] });
    expect((await connect(app, '/echo', { protocols: ['v1', 'v2'] })).protocol).toBe('v2');
    expect((await connect(app, '/echo', { protocols: 'v1' })).protocol).toBe('v1');
    expect((await connect(app, '/echo')).protocol).toBe('');
  });

  it.each([true, false])(
    'perMessageDeflate %s: compressed as negotiated, in order',
    async (perMessageDeflate) => {
      const extensions: (string | undefined)[] = [];
      @ConnectionHandler({ path: '/deflate', perMessageDeflate: perMessageDeflate && { threshold: 0 } })
      class Deflate {
        onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
          return data;
        }
      }
      const app = await initApp({ providers: [Deflate] });
      // The 101 says whether it is.
      const { emit } = app.getHttpServer();
      app.getHttpServer().emit = function (this: unknown, event: string, ...args: [never, never]) {
        if (event === 'upgrade') {
          const socket = args[1] as { write: (data: string, ...rest: unknown[]) => boolean };
          const { write } = socket;
          socket.write = (data, ...rest) => {
            extensions.push(/Sec-WebSocket-Extensions: ([\w-]+)/i.exec(String(data))?.[1]);
            socket.write = write;
            return write.call(socket, data, ...rest);
          };
        }
        return emit.call(this, event, ...args);
      };
      const ws = await connect(app, '/deflate');
      const messages = Array.from({ length: 200 }, (_, index) =>
        `${index} `.repeat(index % 7 === 0 ? 500 : 1),
      );
      for (const message of messages) ws.send(message);
      for (const message of messages) expect(await ws.next()).toBe(message);
      expect(extensions).toEqual([perMessageDeflate ? 'permessage-deflate' : undefined]);
    },
  );

  it('a gateway of the same application', async () => {
    @WebSocketGateway({ path: '/gateway' })
    class Gateway {
      @SubscribeMessage('ping')
      ping() {
        return { event: 'pong', data: 'x' };
      }
    }
    const app = await initApp({ providers: [Echo, Gateway] });
    const ws = await connect<{ event: string }>(app, '/gateway', { dataType: 'object' });
    ws.send({ event: 'ping', data: '' });
    expect((await ws.next()).event).toBe('pong');
    await ws.close();
  });

  it('a server on a port of its own, by its port', async () => {
    const port = await freePort();
    @ConnectionHandler({ path: '/own', port })
    class Own {
      onMessage() {
        return 'own';
      }
    }
    const app = await initApp({ providers: [Echo, Own] });
    const ws = await connect(app, '/own', { port });
    ws.send('');
    expect(await ws.next()).toBe('own');
    expect(await rejectionOf(connect(app, '/own'))).toMatchObject({ status: 404 });
    await expect(connect(app, '/own', { port: 1 })).rejects.toThrow(
      'connect(): nobody serves WebSockets on port 1; ',
    );
  });
});

describe('mistakes', () => {
  it('an application that is not initialised', async () => {
    const app = await createApp({ providers: [Echo] });
    await expect(connect(app, '/echo')).rejects.toThrow(
      "connect(): nobody serves WebSockets on the application's port; call await app.init() first",
    );
    await app.close();
  });

  it('an application without the module', async () => {
    const app = (await Test.createTestingModule({}).compile()).createNestApplication({ logger: false });
    await app.init();
    await expect(connect(app, '/echo')).rejects.toThrow(
      'connect(): the application does not import FourDWebSocketModule',
    );
    await app.close();
  });

  it('options that can not be, and paths that are none', async () => {
    const app = await initApp({ providers: [Echo] });
    const wrong = { dataType: 'json' } as unknown as { dataType: 'text' };
    await expect(connect(app, '/echo', wrong)).rejects.toThrow(InvalidOptionError);
    await expect(connect(app, '/echo', wrong)).rejects.toThrow(
      `connect(): the option "dataType" must be 'text', 'object' or 'blob', got 'json'`,
    );
    await expect(connect(app, '/echo', { protocols: ['no token'] })).rejects.toThrow(SyntaxError);
    await expect(connect(app, '/echo#fragment')).rejects.toThrow(/fragment/);
    await expect(connect(app, '/echo', { headers: { x: 'a\nb' } })).rejects.toThrow(
      /Invalid character in header/,
    );
  });

  it('a handshake that is not decided in time, or not at all', async () => {
    const gone = new Recorder();
    @WSSHandler('/slow')
    class Slow {
      onConnection(_wss: WebSocketServer, { request }: WSConnectionEvent) {
        request.raw.socket.on('close', () => gone.push('gone'));
        return new Promise<null>(() => undefined);
      }
    }
    const app = await initApp({ providers: [Slow, Echo] });
    await expect(connect(app, '/slow', { timeout: 20 })).rejects.toThrow(
      'connect(): /slow did not answer the handshake within 20 ms',
    );
    await gone.next('gone');

    app.getHttpServer().prependListener('connection', (socket: { destroy(): void }) => socket.destroy());
    await expect(connect(app, '/echo')).rejects.toThrow('connect(): /echo: socket hang up');
  });
});

describe('messages', () => {
  /** A server that sends one message of each kind, and tells what it gets. */
  const events = { received: new Recorder() };
  @ConnectionHandler({ path: '/kinds', dataType: 'blob' })
  class Kinds {
    onOpen(ws: WebSocketConnection) {
      ws.send('{"a":"é"}');
      ws.send(Buffer.from('{"b":2}'));
    }
    onMessage(_ws: WebSocketConnection, { data, isBinary }: WSMessageEvent<Buffer>) {
      events.received.push('message', data.toString(), isBinary);
    }
  }
  let app: INestApplication;
  beforeEach(async () => {
    events.received = new Recorder();
    app = await initApp({ providers: [Kinds, Echo] });
  });

  it.each<[ConnectOptions['dataType'], unknown[]]>([
    [undefined, ['{"a":"é"}', '{"b":2}']],
    ['text', ['{"a":"é"}', '{"b":2}']],
    ['object', [{ a: 'é' }, { b: 2 }]],
    ['blob', [Buffer.from('{"a":"é"}'), Buffer.from('{"b":2}')]],
  ])('dataType %s', async (dataType, expected) => {
    const ws: TestClient<unknown> = await connect(app, '/kinds', { dataType: dataType as 'object' });
    expect([await ws.next(), await ws.next()]).toEqual(expected);
    expect(ws.received).toEqual(expected);
  });

  it('the types of data', async () => {
    const text: string = await (await connect(app, '/kinds')).next();
    const bytes: Buffer = await (await connect(app, '/kinds', { dataType: 'blob' })).next();
    const json: { a: string } = await (
      await connect<{ a: string }>(app, '/kinds', { dataType: 'object' })
    ).next();
    // @ts-expect-error: without a type of its own, JSON is unknown
    const unknown: { a: string } = await (await connect(app, '/kinds', { dataType: 'object' })).next();
    expect([text, bytes.toString(), json.a, unknown.a]).toEqual(['{"a":"é"}', '{"a":"é"}', 'é', 'é']);
  });

  it('send: by the type of what is sent', async () => {
    const ws = await connect(app, '/kinds');
    const messages = ['text', Buffer.from('buffer'), new TextEncoder().encode('view'), { json: [1] }];
    for (const message of [...messages, new TextEncoder().encode('bytes').buffer, new Blob(['blob'])]) {
      ws.send(message);
    }
    for (const expected of [
      ['text', false],
      ['buffer', true],
      ['view', true],
      ['{"json":[1]}', false],
      ['bytes', true],
      ['blob', true],
    ]) {
      expect(await events.received.next('message')).toEqual(expected);
    }
    for (const message of [undefined, null, 7]) {
      expect(() => ws.send(message as unknown as string)).toThrow(
        /^TestClient\.send\(\): can't send (undefined|null|a number)/,
      );
    }
    await ws.close();
    expect(() => ws.send('too late')).not.toThrow();
  });

  it('next: several calls at once get one message each, in order', async () => {
    const ws = await connect(app, '/echo');
    const next = [ws.next(), ws.next(), ws.next()];
    for (const message of ['a', 'b', 'c', 'd']) ws.send(message);
    expect(await Promise.all(next)).toEqual(['a', 'b', 'c']);
    expect(await ws.next()).toBe('d');
    expect(ws.received).toEqual(['a', 'b', 'c', 'd']);
  });

  it('next: rejects when nothing comes in time, and a later message is not lost', async () => {
    const ws = await connect(app, '/echo', { timeout: 500 });
    ws.send('one');
    await ws.next();
    const error = (await rejectionOf(ws.next())) as Error;
    expect(error.message).toBe('next(): no message came from /echo within 500 ms; 1 came before');
    expect(error.stack).toContain('testing.spec');
    await expect(ws.next({ timeout: 1 })).rejects.toThrow('within 1 ms');
    const next = ws.next({ timeout: 5_000 });
    ws.send('two');
    expect(await next).toBe('two');
    const never = rejectionOf(ws.next({ timeout: 5_000 }));
    await ws.close();
    expect(String(await never)).toContain('closed with 1005');
  });

  it('next: gives what came before the end, then rejects, at once', async () => {
    const ws = await connect(app, '/echo');
    const waiting = [ws.next(), ws.next(), rejectionOf(ws.next())];
    ws.send('one');
    ws.send('two');
    ws.send('leave');
    const closed = 'next(): /echo closed with 4001 (as asked), so no message comes; 2 came before';
    expect((await Promise.all(waiting)).map(String)).toEqual(['one', 'two', `Error: ${closed}`]);
    await expect(ws.next()).rejects.toThrow(closed);

    const late = await connect(app, '/echo');
    late.send('one');
    late.send('leave');
    await late.closed;
    expect(await late.next()).toBe('one');
    await expect(late.next()).rejects.toThrow('closed with 4001');
  });

  it('next: rejects for what dataType can not decode, and goes on', async () => {
    const ws = await connect(app, '/echo', { dataType: 'object' });
    for (const message of ['{', '{"a":1}']) ws.send(message);
    await expect(ws.next()).rejects.toThrow(/^A message is not JSON: /);
    expect(await ws.next()).toEqual({ a: 1 });
    expect(ws.received).toEqual([{ a: 1 }]);
  });

  it('1 MiB messages in both directions at once', async () => {
    const ws = await connect(app, '/echo');
    const messages = Array.from({ length: 16 }, (_, index) =>
      String.fromCharCode(97 + index).repeat(2 ** 20),
    );
    for (const message of messages) ws.send(message);
    for (const message of messages) expect((await ws.next()) === message).toBe(true);
  });

  it('a handler that is slow holds its client up, and everything arrives', async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const sockets: Duplex[] = [];
    const lengths: number[] = [];
    @WSSHandler({ path: '/slow', maxQueuedBytes: 1024 })
    class Slow {
      onConnection() {
        return {
          onMessage: async (_ws: WebSocketConnection, { data }: WSMessageEvent<string>) => {
            await gate;
            lengths.push(data.length);
            return lengths.length === 8 ? 'all' : undefined;
          },
        };
      }
    }
    const slow = await initApp({ providers: [Slow] });
    slow.getHttpServer().on('connection', (socket: Duplex) => sockets.push(socket));
    const ws = await connect(slow, '/slow');
    for (let index = 0; index < 8; index++) ws.send('x'.repeat(2 ** 20));
    // More turns of the event loop than all of it takes.
    for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
    expect(lengths).toEqual([]);
    // The rest is still the client's.
    expect(sockets[0]!.readableLength).toBeLessThan(3 * 2 ** 20);
    release();
    expect(await ws.next()).toBe('all');
    expect(lengths).toEqual(Array.from({ length: 8 }, () => 2 ** 20));
  });

  it('a message comes in a later turn of the event loop, as from a network', async () => {
    const ws = await connect(app, '/kinds');
    ws.send('later');
    await Promise.resolve();
    expect(events.received.order).toEqual([]);
    expect(await events.received.next('message')).toEqual(['later', false]);
  });

  it('fake timers are the test’s own business', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    try {
      const ws = await connect(app, '/echo');
      ws.send('hello');
      expect(await ws.next()).toBe('hello');
      await expect(ws.next({ timeout: 20 })).rejects.toThrow('within 20 ms');
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('the end', () => {
  let ends: Recorder;
  @ConnectionHandler({ path: '/end' })
  class End {
    onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
      ends.push('message', data);
      if (data === 'cut') ws.terminate();
    }
    onTerminate(_ws: WebSocketConnection, { code, reason }: WSTerminateEvent) {
      ends.push('end', code, reason);
    }
  }
  let app: INestApplication;
  beforeEach(async () => {
    ends = new Recorder();
    app = await initApp({ providers: [End] });
  });

  it('close: with a code and a reason, after what was sent', async () => {
    const ws = await connect(app, '/end');
    ws.send('last');
    expect(await ws.close(4002, 'done')).toEqual({ code: 4002, reason: 'done' });
    expect(await ws.closed).toEqual({ code: 4002, reason: 'done' });
    expect(await ends.next('message')).toEqual(['last']);
    expect(await ends.next('end')).toEqual([4002, 'done']);
    const other = await connect(app, '/end');
    expect(() => other.close(42)).toThrow(TypeError);
    expect(() => other.close(4000, 'x'.repeat(124))).toThrow(RangeError);
  });

  it('close: without a code', async () => {
    const ws = await connect(app, '/end');
    expect((await ws.close()).code).toBe(1005);
    expect((await ends.next('end'))[0]).toBe(1005);
  });

  it('terminate: no closing handshake', async () => {
    const ws = await connect(app, '/end');
    expect(await ws.terminate()).toEqual({ code: 1006, reason: '' });
    expect((await ends.next('end'))[0]).toBe(1006);
  });

  it('the server ends it', async () => {
    const ws = await connect(app, '/end');
    ws.send('cut');
    expect(await ws.closed).toEqual({ code: 1005, reason: '' });
  });

  it('an application that is closed closes all of its clients with 1001, and takes no more', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => connect(app, '/end')));
    await app.close();
    expect(await Promise.all(clients.map(({ closed }) => closed))).toEqual(
      clients.map(() => ({ code: 1001, reason: '' })),
    );
    await expect(connect(app, '/end')).rejects.toThrow('nobody serves WebSockets');
  });
});

it('a client and an application that nobody closes keep no process alive', async () => {
  const process = new TestProcess('node', [compileFixture('test/e2e/fixture/abandoned.ts')]);
  try {
    await process.line(/^hello$/);
    expect(await within(process.exited, 3000)).toBe(0);
  } finally {
    await process.stop('SIGKILL');
  }
});

describe('several instances on a MemoryBroker', () => {
  @ConnectionHandler({ path: '/chat', dataType: 'object' })
  class Chat {
    onOpen(ws: WebSocketConnection) {
      ws.subscribe('room');
      ws.send({ id: ws.id });
    }
    onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<object>) {
      ws.wss.publish('room', data, { except: ws });
    }
  }
  const errors = new Recorder();
  @WSSHandler('/watched')
  class Watched {
    onConnection() {
      return new Idle();
    }
    onError(_wss: WebSocketServer, { errors: [first] }: { errors: [{ message: string }] }) {
      errors.push('error', first.message);
    }
  }

  async function startInstances(broker: MemoryBroker) {
    const start = () =>
      initApp({ providers: [Chat, Watched], options: { backplane: new MemoryBackplane(broker) } });
    const instances = [await start(), await start(), await start()];
    const clients = await Promise.all(
      instances.map((app) => connect<{ text: string }>(app, '/chat', { dataType: 'object' })),
    );
    for (const client of clients) await client.next();
    const servers = instances.map((app) => app.get(WebSocketServerRegistry).get('/chat')!);
    return { instances, clients, servers };
  }

  it('what one publishes reaches the clients of all, in order', async () => {
    const { clients, servers } = await startInstances(new MemoryBroker());
    const [a, b, c] = clients;
    for (let index = 0; index < 50; index++) a!.send({ index });
    for (const client of [b!, c!]) {
      for (let index = 0; index < 50; index++) expect(await client.next()).toEqual({ index });
    }
    expect(await servers[1]!.countConnections()).toEqual({ connections: 3, instances: 3 });
    expect(a!.received).toHaveLength(1);
  });

  it('an outage, and its end', async () => {
    const broker = new MemoryBroker();
    const { instances, clients, servers } = await startInstances(broker);
    const [a, b] = clients;
    broker.fail(new Error('a cable is out'));
    for (const _ of instances) {
      expect((await errors.next('error'))[0]).toMatch(/^The backplane is away: .*a cable is out/);
    }
    servers[0]!.broadcast({ text: 'lost' });
    expect(await a!.next()).toEqual({ text: 'lost' });
    const late = new MemoryBackplane(broker);
    await expect(initApp({ providers: [Chat], options: { backplane: late } })).rejects.toThrow(
      'MemoryBackplane: a cable is out',
    );
    broker.recover();
    servers[0]!.broadcast({ text: 'heard' });
    expect(await b!.next()).toEqual({ text: 'heard' });
  });

  it('one that leaves is no member any more; one backplane is for one application', async () => {
    const broker = new MemoryBroker();
    const { instances } = await startInstances(broker);
    expect(broker.members.size).toBe(3);
    await instances[0]!.close();
    expect(broker.members.size).toBe(2);
    const backplane = new MemoryBackplane(broker);
    await initApp({ providers: [Chat], options: { backplane } });
    expect([...backplane.channels]).toContain('/chat#all');
    await expect(initApp({ providers: [Chat], options: { backplane } })).rejects.toThrow(
      'MemoryBackplane: it is connected already; make one for each application',
    );
  });
});
