import { connect as connectTcp } from 'node:net';
import type { IncomingMessage } from 'node:http';
import {
  WSSHandler,
  type HandshakeRequest,
  type ServerOptions,
  type WebSocketServer,
  type WSConnectionEvent,
} from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { connect, connectRefused } from '../support/client.js';
import { Recorder } from '../support/recorder.js';

afterEach(closeApps);

async function serve(options: ServerOptions) {
  const requests = new Recorder();
  @WSSHandler(options)
  class Server {
    onConnection(_wss: WebSocketServer, { request }: WSConnectionEvent) {
      requests.push('request', request);
      return { onMessage: () => undefined };
    }
  }
  const testApp = await startApp({ providers: [Server] });
  const next = async (): Promise<HandshakeRequest> => (await requests.next('request'))[0] as HandshakeRequest;
  return { ...testApp, next };
}

describe('§7 request', () => {
  it('headers: lower-case names; a string, or an array where a header came several times', async () => {
    const { port, next } = await serve({ path: '/' });
    const socket = connectTcp(port, '127.0.0.1');
    socket.write(
      'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Many: one\r\nX-many: two\r\n\r\n',
    );
    const { headers } = await next();
    expect(headers['x-many']).toEqual(['one', 'two']);
    expect(headers.host).toBe('x');
    expect(Object.getPrototypeOf(headers)).toBeNull();
    socket.destroy();
  });

  it('query: decoded; an array where a key came several times; no prototype', async () => {
    const { wsUrl, next } = await serve({ path: '/' });
    await connect(`${wsUrl}/?a=1&b=%C3%A9+x&a=2&empty=&__proto__=evil`);
    const { query, url } = await next();
    expect(query.a).toEqual(['1', '2']);
    expect(query.b).toBe('é x');
    expect(query.empty).toBe('');
    expect(query['__proto__']).toBe('evil');
    expect(Object.getPrototypeOf(query)).toBeNull();
    expect(url).toBe('/?a=1&b=%C3%A9+x&a=2&empty=&__proto__=evil');
  });

  it('params: those of the path pattern; raw: Node’s request', async () => {
    const { wsUrl, next } = await serve({ path: '/rooms/:id/*rest' });
    await connect(`${wsUrl}/rooms/caf%C3%A9/a/b?x`);
    const { params, raw } = await next();
    expect(params).toEqual({ id: 'café', rest: ['a', 'b'] });
    expect((raw as IncomingMessage).method).toBe('GET');
  });

  it('a parameter that is malformed percent-encoding is a 400', async () => {
    const { wsUrl } = await serve({ path: '/rooms/:id' });
    expect(await connectRefused(`${wsUrl}/rooms/%ff`)).toMatchObject({ status: 400 });
  });

  it('remoteAddress: the peer’s, without ::ffff:, whatever it claims', async () => {
    const { wsUrl, next } = await serve({ path: '/' });
    await connect(wsUrl, { headers: { 'X-Forwarded-For': '1.2.3.4' } });
    expect((await next()).remoteAddress).toBe('127.0.0.1');
  });

  it.each<[ServerOptions['trustProxy'], string]>([
    [true, '1.1.1.1'],
    [1, '2.2.2.2'],
    [2, '1.1.1.1'],
    ['loopback', '2.2.2.2'],
    ['loopback, 2.2.2.2', '1.1.1.1'],
    [['127.0.0.0/8'], '2.2.2.2'],
    [(address) => address === '127.0.0.1', '2.2.2.2'],
    [false, '127.0.0.1'],
    ['10.0.0.0/8', '127.0.0.1'],
  ])('remoteAddress with trustProxy %p is %s', async (trustProxy, expected) => {
    const { wsUrl, next } = await serve({ path: '/', trustProxy });
    await connect(wsUrl, { headers: { 'X-Forwarded-For': '1.1.1.1, ::ffff:2.2.2.2' } });
    expect((await next()).remoteAddress).toBe(expected);
  });

  it('stays readable after the connection is closed', async () => {
    const { wsUrl, next } = await serve({ path: '/' });
    const client = await connect(`${wsUrl}/?a=1`);
    const request = await next();
    await client.close();
    expect(request.remoteAddress).toBe('127.0.0.1');
    expect(request.query.a).toBe('1');
  });
});
