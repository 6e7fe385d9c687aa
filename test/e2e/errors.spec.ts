import { NotFoundException } from '@nestjs/common';
import {
  ConnectionHandler,
  WSSHandler,
  type WebSocketConnection,
  type WSErrorEvent,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { connect } from '../support/client.js';
import { serveConnections } from '../support/connection-app.js';
import { within } from '../support/patience.js';
import { clientFrame, connectRaw, type RawClient } from '../support/raw-client.js';
import { Recorder } from '../support/recorder.js';

let logged: string[] = [];
const logger = {
  log: () => undefined,
  warn: () => undefined,
  error: (message: unknown) => logged.push(String(message)),
};
beforeEach(() => {
  logged = [];
});
afterEach(closeApps);

const failures: [string, () => unknown, string][] = [
  [
    'throws',
    () => {
      throw new Error('thrown');
    },
    'thrown',
  ],
  ['rejects', () => Promise.reject(new Error('rejected')), 'rejected'],
  [
    'throws null',
    () => {
      throw null;
    },
    'null',
  ],
  ['rejects with undefined', () => Promise.reject(undefined), 'undefined'],
  [
    'throws an object without a prototype',
    () => {
      throw Object.create(null);
    },
    'a value without a string form was thrown',
  ],
];

describe('12 errors', () => {
  it.each(failures)(
    '12.2 onMessage %s: onError; the connection goes on, the client hears nothing',
    async (_what, fail, message) => {
      const events = new Recorder();
      @ConnectionHandler({ path: '/' })
      class Handler {
        onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
          return data === 'fail' ? fail() : data;
        }
        onError(_ws: WebSocketConnection, event: WSErrorEvent) {
          events.push('error', event);
        }
      }
      const { wsUrl } = await startApp({ providers: [Handler] });
      const client = await connect(wsUrl);
      client.send('fail');
      client.send('next');
      const [event] = (await events.next('error')) as [WSErrorEvent];
      expect(event.errors).toHaveLength(1);
      expect(event.errors[0]).toMatchObject({ errCode: 1011, message, componentSignature: 'user' });
      expect(await client.next()).toBe('next');
    },
  );

  it.each(['onOpen', 'onTerminate'])('12.2 %s fails: onError, in order', async (hook) => {
    const events = new Recorder();
    @ConnectionHandler({ path: '/' })
    class Handler {
      async onOpen() {
        if (hook === 'onOpen') throw new Error('broken onOpen');
      }
      onMessage() {
        return 'reply';
      }
      onError(_ws: WebSocketConnection, event: WSErrorEvent) {
        events.push('error', event.errors[0].message);
      }
      onTerminate() {
        if (hook === 'onTerminate') throw new Error('broken onTerminate');
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler] });
    const client = await connect(wsUrl);
    client.send('x');
    expect(await client.next()).toBe('reply');
    await client.close();
    expect(await events.next('error')).toEqual([`broken ${hook}`]);
  });

  it('12.1 errors: the failure first, then its chain of causes; errCode is an HttpException’s status', async () => {
    const root = new Error('root');
    const middle = new NotFoundException('middle', { cause: root });
    const top = new Error('top', { cause: middle });
    root.cause = top;
    const events = new Recorder();
    @ConnectionHandler({ path: '/' })
    class Handler {
      onMessage() {
        throw top;
      }
      onError(_ws: WebSocketConnection, event: WSErrorEvent) {
        events.push('error', event);
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler] });
    (await connect(wsUrl)).send('x');
    const [event] = (await events.next('error')) as [WSErrorEvent];
    expect(event.errors.slice(0, 3)).toEqual([
      { errCode: 1011, message: 'top', componentSignature: 'user', error: top },
      { errCode: 404, message: 'middle', componentSignature: 'user', error: middle },
      { errCode: 1011, message: 'root', componentSignature: 'user', error: root },
    ]);
    // The chain is a ring: it ends somewhere.
    expect(event.errors.length).toBeLessThan(20);
  });

  it.each([
    ['an unknown opcode', clientFrame(3), 1002, 1002],
    ['an unmasked frame', clientFrame(1, 'x', { masked: false }), 1002, 1002],
    ['text that is not UTF-8', clientFrame(1, Buffer.from([0xff])), 1007, 1007],
    ['a message that is too long', clientFrame(1, 'x'.repeat(101)), 1009, 1009],
  ])('12.1 %s: onError with %#', async (_what, frame, errCode, closeCode) => {
    const events = new Recorder();
    @ConnectionHandler({ path: '/', maxPayload: 100 })
    class Handler {
      onMessage() {}
      onError(_ws: WebSocketConnection, event: WSErrorEvent) {
        events.push('error', event);
      }
    }
    const { port } = await startApp({ providers: [Handler] });
    const client = await connectRaw(port);
    client.write(frame);
    expect(await client.closeCode()).toBe(closeCode);
    const [event] = (await events.next('error')) as [WSErrorEvent];
    expect(event.errors[0]).toMatchObject({ errCode, componentSignature: 'wsck' });
    client.socket.destroy();
  });

  it('12.1 a broken socket: onError with 1006, then onTerminate', async () => {
    const events = new Recorder();
    @ConnectionHandler({ path: '/' })
    class Handler {
      onMessage() {}
      onError(_ws: WebSocketConnection, event: WSErrorEvent) {
        events.push('error', event);
      }
      onTerminate(_ws: WebSocketConnection, event: object) {
        events.push('terminate', event);
      }
    }
    const { port } = await startApp({ providers: [Handler] });
    const client = await connectRaw(port);
    client.socket.resetAndDestroy();
    expect((await events.next('terminate'))[0]).toMatchObject({ code: 1006 });
    const [event] = (await events.next('error')) as [WSErrorEvent];
    expect(event.errors[0]).toMatchObject({
      errCode: 1006,
      componentSignature: 'wsck',
      error: { code: 'ECONNRESET' },
    });
    expect(events.order).toEqual(['error', 'terminate']);
  });

  it('12.2 without onError, failures go to Nest’s Logger, with the handler’s name', async () => {
    @ConnectionHandler({ path: '/' })
    class Handler {
      onMessage() {
        throw new Error('nobody listens');
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler], logger });
    const client = await connect(wsUrl);
    client.send('x');
    await client.close();
    expect(logged).toEqual(['Handler: nobody listens (user 1011)']);
  });

  it.each(['throws', 'rejects'])('12.2 an onError that %s is logged', async (how) => {
    @ConnectionHandler({ path: '/' })
    class Handler {
      onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
        if (data === 'x') throw new Error('first');
        return data;
      }
      onError() {
        if (how === 'throws') throw new Error('second');
        return Promise.reject(new Error('second'));
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler], logger });
    const client = await connect(wsUrl);
    client.send('x');
    client.send('y');
    expect(await client.next()).toBe('y');
    expect(logged).toEqual(['Handler (onError): second (user 1011)']);
  });

  it('12.2 the server handler’s hooks: onOpen and onTerminate that fail go to its onError', async () => {
    const errors: string[] = [];
    @WSSHandler('/')
    class Server {
      onConnection() {
        return null;
      }
      onOpen() {
        throw new Error('open');
      }
      async onTerminate() {
        throw new Error('terminate');
      }
      onError(_wss: unknown, event: WSErrorEvent) {
        errors.push(event.errors[0].message);
      }
    }
    const { close } = await startApp({ providers: [Server] });
    await close();
    expect(errors).toEqual(['open', 'terminate']);
  });
});

describe('12.2 a buffer that its sender detached ends the one connection it concerns', () => {
  const detach = (buffer: ArrayBuffer) => structuredClone(buffer, { transfer: [buffer] });

  /** Nothing but a close frame: what was detached can not be written, and nothing else in its place. */
  async function expectOnly1011(client: RawClient) {
    const frame = await within(client.frame());
    expect({ opcode: frame.opcode, code: frame.payload.readUInt16BE(0) }).toEqual({ opcode: 8, code: 1011 });
    client.write(clientFrame(8, frame.payload));
    await client.closed;
  }

  it.each([4096, 100_000])('sent and transferred away in one turn (%i bytes)', async (length) => {
    const { port, wsUrl, events, nextConnection } = await serveConnections();
    const careless = await connectRaw(port);
    const carelessSide = await nextConnection();
    const other = await connect(wsUrl);
    const otherSide = await nextConnection();
    const buffer = new ArrayBuffer(length);
    carelessSide.send(buffer);
    otherSide.send('in the same turn');
    detach(buffer);
    expect(await within(other.next())).toBe('in the same turn');
    await expectOnly1011(careless);
    expect((await events.next('error'))[0]).toMatchObject({ errors: [{ errCode: 1011 }] });
    expect((await events.next('terminate'))[1]).toBe(carelessSide);
    otherSide.send('afterwards');
    expect(await within(other.next())).toBe('afterwards');
    expect(events.unread('error')).toEqual([]);
  });

  it.each([4096, 100_000])('broadcast and transferred away in one turn (%i bytes)', async (length) => {
    const { port, wsUrl, events, server, nextConnection } = await serveConnections();
    const careless = [await connectRaw(port), await connectRaw(port)];
    await nextConnection();
    await nextConnection();
    const other = await connect(wsUrl);
    const otherSide = await nextConnection();
    const buffer = new ArrayBuffer(length);
    server.broadcast(buffer, { except: otherSide });
    otherSide.send('in the same turn');
    detach(buffer);
    expect(await within(other.next())).toBe('in the same turn');
    for (const client of careless) await expectOnly1011(client);
    for (const _client of careless) {
      expect((await events.next('error'))[0]).toMatchObject({ errors: [{ errCode: 1011 }] });
      await events.next('terminate');
    }
    server.broadcast('afterwards');
    expect(await within(other.next())).toBe('afterwards');
  });
});

describe('12.2 what hostile clients cause', () => {
  it('is logged at most once a second a server, with how often it happened, and without a stack trace', async () => {
    const lines: unknown[][] = [];
    const noting = {
      log: () => undefined,
      warn: (...line: unknown[]) => lines.push(line),
      error: (...line: unknown[]) => lines.push(line),
    };
    @ConnectionHandler({ path: '/' })
    class Handler {
      onMessage() {}
    }
    const { port } = await startApp({ providers: [Handler], logger: noting });
    const violate = async () => {
      const client = await connectRaw(port);
      client.write(clientFrame(1, 'x', { masked: false }));
      expect(await client.closeCode()).toBe(1002);
      client.socket.destroy();
      await client.closed;
    };
    // What was said at the start-up is not the clients' doing.
    lines.length = 0;
    const started = performance.now();
    for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 10 }, violate));
    const counted = () =>
      lines.some((line) => /; \d+ errors of clients in the last second/.test(line.join(' ')));
    // The count comes with the next second, or with the next client in it.
    while (!counted() && performance.now() - started < 5000) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      await violate();
    }
    const seconds = (performance.now() - started) / 1000;
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThanOrEqual(2 * Math.ceil(seconds));
    expect(counted()).toBe(true);
    expect(lines.flat().filter((part) => /\n\s+at /.test(String(part)))).toEqual([]);
  });
});
