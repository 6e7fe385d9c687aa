/** Reference 2: what a connection promises. */
import {
  ConnectionHandler,
  WebSocketConnection,
  WebSocketServer,
  WSSHandler,
  type WSConnectionEvent,
  type WSMessageEvent,
  type WSTerminateEvent,
} from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { open, serve } from '../support/connection-app.js';
import { connect } from '../support/client.js';
import { Recorder } from '../support/recorder.js';

afterEach(closeApps);

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
