import { once } from 'node:events';
import { request } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocketServer, WSErrorEvent } from 'nestjs-4d-websocket';
import { WebSocketServerRegistry, WSSHandler, type ServerOptions } from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { connect, connectRefused } from '../support/client.js';
import { freePort } from '../support/free-port.js';
import { within } from '../support/patience.js';
import { clientFrame, handshakeHead, openSocket } from '../support/raw-client.js';
import { Recorder } from '../support/recorder.js';

afterEach(closeApps);

async function serve(
  options: ServerOptions = {},
  decide: () => unknown = () => ({ onMessage: (_ws: unknown, { data }: { data: string }) => data }),
) {
  const events = new Recorder();
  @WSSHandler({ path: '/', ...options })
  class Server {
    onConnection() {
      events.push('connection');
      return decide() as object;
    }
    onError(_wss: WebSocketServer, event: WSErrorEvent) {
      events.push('error', event);
    }
  }
  const testApp = await startApp({ providers: [Server] });
  return { ...testApp, events, server: testApp.app.get(WebSocketServerRegistry).get(Server)! };
}

describe('10.1 requests that are no valid handshakes', () => {
  it.each([
    ['another path', '/nowhere', {}, 'GET', 404, ''],
    ['another method', '/', {}, 'POST', 405, 'Allow: GET'],
    ['another upgrade too', '/', { Upgrade: 'h2c, websocket' }, 'GET', 400, 'Upgrade: websocket'],
    ['no key', '/', { 'Sec-WebSocket-Key': undefined }, 'GET', 400, ''],
    ['an invalid key', '/', { 'Sec-WebSocket-Key': 'short' }, 'GET', 400, ''],
    ['no version', '/', { 'Sec-WebSocket-Version': undefined }, 'GET', 426, 'Sec-WebSocket-Version: 13, 8'],
    [
      'a version we do not speak',
      '/',
      { 'Sec-WebSocket-Version': '12' },
      'GET',
      426,
      'Sec-WebSocket-Version: 13, 8',
    ],
    ['a malformed sub-protocol list', '/', { 'Sec-WebSocket-Protocol': 'a,,b' }, 'GET', 400, ''],
  ])('%s', async (_what, path, headers, method, status, header) => {
    const { port, events } = await serve();
    const client = await openSocket(port);
    client.write(handshakeHead(path, headers, method));
    const head = await client.head();
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head).toContain(header);
    expect(head).toContain('Connection: close');
    expect(head).toContain('Content-Type: application/json');
    await client.closed;
    // ws reads the list of sub-protocols after onConnection; all else is checked before.
    if (!('Sec-WebSocket-Protocol' in headers)) expect(events.order).toEqual([]);
  });

  it('HTTP/1.0 is a 400', async () => {
    const { port, events } = await serve();
    const client = await openSocket(port);
    client.write(handshakeHead().replace('HTTP/1.1', 'HTTP/1.0'));
    expect(await client.head()).toMatch(/^HTTP\/1.1 400 /);
    await client.closed;
    expect(events.order).toEqual([]);
  });

  it('an ordinary request to the path is Nest’s own 404', async () => {
    const { url } = await serve();
    expect((await fetch(`${url}/`)).status).toBe(404);
  });

  it('an absolute URL in the request line is understood; a malformed one is a 400', async () => {
    const { port } = await serve({ path: '/abs' });
    const client = await openSocket(port);
    client.write(handshakeHead('http://localhost/abs?x=1'));
    expect(await client.head()).toMatch(/^HTTP\/1.1 101/);
    const malformed = await openSocket(port);
    malformed.write(handshakeHead('http://[/abs'));
    expect(await malformed.head()).toMatch(/^HTTP\/1.1 400/);
    client.socket.destroy();
  });
});

describe('8 limits at the handshake', () => {
  it('maxConnections: further clients get 503, until one leaves', async () => {
    const { wsUrl, server } = await serve({ maxConnections: 1 });
    const first = await connect(wsUrl);
    expect(await connectRefused(wsUrl)).toMatchObject({ status: 503, json: { statusCode: 503 } });
    await first.close();
    while (server.connections.length > 0) await new Promise(setImmediate);
    await (await connect(wsUrl)).close();
  });

  it('maxConnections counts handshakes that are not decided yet', async () => {
    let admit: () => void = () => undefined;
    const admitted = new Promise<void>((resolve) => (admit = resolve));
    const { wsUrl, events } = await serve({ maxConnections: 1 }, () =>
      admitted.then(() => ({ onMessage: () => undefined })),
    );
    const first = connect(wsUrl);
    await events.next('connection');
    expect(await connectRefused(wsUrl)).toMatchObject({ status: 503 });
    admit();
    await (await first).close();
  });

  it.each<[string, ServerOptions['allowedOrigins'], string | undefined, boolean]>([
    ['any by default', undefined, 'https://evil.example', true],
    ['a string', 'https://a.example', 'https://a.example', true],
    ['another than the string', ['https://a.example'], 'https://a.example.evil', false],
    ['a pattern', [/^https:\/\/\w+\.a\.example$/g], 'https://x.a.example', true],
    ['not the pattern', [/^https:\/\/\w+\.a\.example$/], 'http://x.a.example', false],
    ['a function', (origin) => origin.endsWith('.example'), 'https://b.example', true],
    ['not the function', () => false, 'https://b.example', false],
    [
      'a function that throws',
      () => {
        throw new Error('x');
      },
      'https://b.example',
      false,
    ],
    ['no Origin header: not a browser', ['https://a.example'], undefined, true],
  ])('allowedOrigins: %s', async (_what, allowedOrigins, origin, allowed) => {
    const { wsUrl, events } = await serve({ allowedOrigins });
    const options = origin === undefined ? {} : { origin };
    for (let round = 0; round < 2; round++) {
      if (allowed) await (await connect(wsUrl, options)).close();
      else
        expect(await connectRefused(wsUrl, options)).toMatchObject({
          status: 403,
          json: { message: 'This origin may not connect' },
        });
    }
    expect(events.order.includes('connection')).toBe(allowed);
  });

  it.each([
    [['b', 'a'], ['a', 'b'], 'b'],
    [['a'], ['x', 'a'], 'a'],
    [['a'], [], ''],
    [undefined, [], ''],
  ])('protocols %j, offered %j: chosen %j', async (protocols, offered, chosen) => {
    const { wsUrl, server } = await serve({ protocols });
    const client = await connect(wsUrl, { protocols: offered });
    expect(client.socket.protocol).toBe(chosen);
    expect([...server.connections][0]!.protocol).toBe(chosen);
    await client.close();
  });

  it('protocols: none in common, the connection goes on without one', async () => {
    const { port } = await serve({ protocols: ['a'] });
    const client = await openSocket(port);
    client.write(handshakeHead('/', { 'Sec-WebSocket-Protocol': 'b, c' }));
    const head = await client.head();
    expect(head).toMatch(/^HTTP\/1.1 101/);
    expect(head).not.toMatch(/Sec-WebSocket-Protocol/i);
    client.socket.destroy();
  });

  it('handshakeTimeout: an onConnection that takes longer is a 503 and an onError; what it decides later is dropped', async () => {
    let decide: (value: unknown) => void = () => undefined;
    const decision = new Promise((resolve) => (decide = resolve));
    const { wsUrl, events, server } = await serve({ handshakeTimeout: 30 }, () => decision);
    expect(await connectRefused(wsUrl)).toMatchObject({ status: 503 });
    const [event] = (await events.next('error')) as [WSErrorEvent];
    expect(event.errors[0]).toMatchObject({ errCode: 503, componentSignature: 'http' });
    decide({ onMessage: () => undefined });
    await new Promise(setImmediate);
    expect(server.connections.length).toBe(0);
  });

  it('perMessageDeflate: negotiated only when it is on', async () => {
    const on = await serve({ perMessageDeflate: true });
    const compressed = await connect(on.wsUrl);
    expect(compressed.socket.extensions).toBe('permessage-deflate');
    compressed.send('x'.repeat(10_000));
    expect(await compressed.next()).toBe('x'.repeat(10_000));
    await compressed.close();
    const off = await serve();
    const plain = await connect(off.wsUrl);
    expect(plain.socket.extensions).toBe('');
  });
});

describe('10.2 a client that goes away during onConnection', () => {
  it.each(['ends', 'resets'])('costs nothing when it %s: no connection, no hook, no error', async (how) => {
    let decide: (value: unknown) => void = () => undefined;
    const decision = new Promise((resolve) => (decide = resolve));
    const hooks: string[] = [];
    const { port, events, server, app } = await serve({}, () => decision);
    const accepted = once(app.getHttpServer(), 'connection');
    const client = await openSocket(port);
    const [serverSide] = (await accepted) as [Socket];
    const gone = new Promise((resolve) => serverSide.once('close', resolve));
    client.write(handshakeHead());
    await events.next('connection');
    if (how === 'ends') client.socket.end();
    else client.socket.resetAndDestroy();
    await client.closed;
    await gone;
    decide({
      onOpen: () => hooks.push('open'),
      onMessage: () => undefined,
      onTerminate: () => hooks.push('terminate'),
    });
    await new Promise(setImmediate);
    expect(server.connections.length).toBe(0);
    expect(hooks).toEqual([]);
    expect(events.unread('error')).toEqual([]);
  });
});

describe('10.2 a client that talked a lot and went away during onConnection', () => {
  it.each(['ends', 'resets'])('costs nothing when it %s: no handler, no hook, no error', async (how) => {
    let decide: (value: unknown) => void = () => undefined;
    const decision = new Promise((resolve) => (decide = resolve));
    const hooks: string[] = [];
    const { port, events, server, app } = await serve({}, () => decision);
    const accepted = once(app.getHttpServer(), 'connection');
    const client = await openSocket(port);
    const [serverSide] = (await accepted) as [Socket];
    const gone = new Promise((resolve) => serverSide.once('close', resolve));
    client.write(handshakeHead(), ...Array.from({ length: 10 }, () => clientFrame(1, 'x'.repeat(30_000))));
    await events.next('connection');
    if (how === 'ends') client.socket.end();
    else client.socket.resetAndDestroy();
    // Who reads no further does not see it go: then it is late to look, and not too late.
    await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 500))]);
    decide({
      onOpen: () => hooks.push('open'),
      onMessage: () => hooks.push('message'),
      onError: () => hooks.push('error'),
      onTerminate: () => hooks.push('terminate'),
    });
    await within(gone);
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    expect(server.connections.length).toBe(0);
    expect(hooks).toEqual([]);
    expect(events.unread('error')).toEqual([]);
    client.socket.destroy();
  });
});

describe('a port of its own', () => {
  it('serves there, not on the application’s port; other requests get a 426', async () => {
    const port = await freePort();
    const { wsUrl } = await serve({ port });
    const client = await connect(`ws://127.0.0.1:${port}/`);
    client.send('x');
    expect(await client.next()).toBe('x');
    expect(await connectRefused(wsUrl)).toMatchObject({ status: 404 });
    const status = await new Promise((resolve) => {
      request(`http://127.0.0.1:${port}/`, (response) => resolve(response.resume().statusCode)).end();
    });
    expect(status).toBe(426);
  });
});

describe('8 an asynchronous allowedOrigins', () => {
  it('a promise of true lets in, of anything else does not, and a rejection is told', async () => {
    const { wsUrl, events } = await serve({
      allowedOrigins: async (origin: string) => {
        await new Promise(setImmediate);
        if (origin === 'https://broken.example') throw new Error('the tenants are away');
        return origin === 'https://a.example';
      },
    });
    const client = await connect(wsUrl, { origin: 'https://a.example' });
    client.send('x');
    expect(await client.next()).toBe('x');
    await events.next('connection');
    expect(await connectRefused(wsUrl, { origin: 'https://b.example' })).toMatchObject({
      status: 403,
      json: { message: 'This origin may not connect' },
    });
    expect(events.unread('error')).toEqual([]);
    expect((await connectRefused(wsUrl, { origin: 'https://broken.example' })).status).toBe(403);
    const [event] = (await events.next('error')) as [WSErrorEvent];
    expect(event.errors[0]).toMatchObject({ message: 'the tenants are away', componentSignature: 'http' });
    expect(events.unread('connection')).toEqual([]);
  });

  it('one that takes too long: 503, and what it says later is dropped', async () => {
    let decide: (allowed: boolean) => void = () => undefined;
    const { wsUrl, events } = await serve({
      handshakeTimeout: 50,
      allowedOrigins: () => new Promise<boolean>((resolve) => (decide = resolve)),
    });
    expect((await within(connectRefused(wsUrl, { origin: 'https://a.example' }))).status).toBe(503);
    decide(true);
    await new Promise(setImmediate);
    expect(events.unread('connection')).toEqual([]);
  });
});

describe('ports and servers that come and go', () => {
  it('a port of a server that is created and terminated is free again', async () => {
    const { app } = await serve();
    const registry = app.get(WebSocketServerRegistry);
    const port = await freePort();
    for (let round = 0; round < 2; round++) {
      const opened = new Recorder();
      const created = registry.create(
        { onConnection: () => ({ onMessage: () => 'x' }), onOpen: () => opened.push('open') },
        { port },
      );
      expect(opened.order).toEqual([]);
      await opened.next('open');
      const client = await connect(`ws://127.0.0.1:${port}/anything`);
      client.send('');
      expect(await client.next()).toBe('x');
      await created.terminate();
      expect((await client.closed).code).toBe(1001);
    }
  });
});

describe('functions of the application that fail', () => {
  it('a trustProxy that throws: the peer’s own address, and an onError', async () => {
    const { wsUrl, events, server } = await serve({
      trustProxy: () => {
        throw new Error('broken');
      },
    });
    await connect(wsUrl, { headers: { 'X-Forwarded-For': '1.1.1.1' } });
    expect([...server.connections][0]!.request.remoteAddress).toBe('127.0.0.1');
    expect(((await events.next('error')) as [WSErrorEvent])[0].errors[0]).toMatchObject({
      message: 'broken',
      componentSignature: 'http',
    });
  });

  it('an asynchronous allowedOrigins is waited for; nothing but true is a permission', async () => {
    const { wsUrl } = await serve({
      allowedOrigins: async (origin) => (origin === 'https://a.example' ? true : (1 as never)),
    });
    await (await connect(wsUrl, { origin: 'https://a.example' })).close();
    expect((await connectRefused(wsUrl, { origin: 'https://b.example' })).status).toBe(403);
  });
});
