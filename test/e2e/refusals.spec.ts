import type { ServerResponse } from 'node:http';
import {
  ForbiddenException,
  HttpException,
  UnauthorizedException,
  UseGuards,
  type ExecutionContext,
} from '@nestjs/common';
import {
  WebSocketServerRegistry,
  WSSHandler,
  type ServerOptions,
  type WebSocketServer,
  type WSErrorEvent,
} from 'nestjs-4d-websocket';
import { FourDWebSocket, type ClientDisconnectEvent } from 'nestjs-4d-websocket/client';
import { closeApps, startApp } from '../support/app.js';
import { connect, connectRefused } from '../support/client.js';
import { within } from '../support/patience.js';
import { handshakeHead, handshakeStatus, openSocket } from '../support/raw-client.js';
import { Recorder } from '../support/recorder.js';

afterEach(closeApps);

async function serve(
  decide: () => unknown,
  options: ServerOptions = {},
  guard: (context: ExecutionContext) => boolean = () => true,
) {
  const events = new Recorder();
  @WSSHandler({ path: '/', refusals: 'close', ...options })
  class Server {
    @UseGuards({ canActivate: guard })
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

const V1 = 'nestjs-4d-websocket.v1';

/** How a client sees that it was refused. */
async function refusal(url: string) {
  return within((await connect(url)).closed);
}

function thrower(error: unknown): () => never {
  return () => {
    throw error;
  };
}

describe("8 refusals: 'close' answers with 101 and a close frame", () => {
  it.each<[string, () => unknown, number, string | RegExp]>([
    ['null', () => null, 4403, /./],
    ['a promise of undefined', async () => undefined, 4403, /./],
    ['an UnauthorizedException', thrower(new UnauthorizedException('Token expired')), 4401, 'Token expired'],
    [
      'a promise of a ForbiddenException',
      () => Promise.reject(new ForbiddenException('Not in this room')),
      4403,
      'Not in this room',
    ],
    [
      'an HttpException with a string',
      thrower(new HttpException('short and stout', 418)),
      4418,
      'short and stout',
    ],
  ])('%s', async (_what, decide, code, reason) => {
    const { wsUrl, server, events } = await serve(decide);
    const closed = await refusal(wsUrl);
    expect(closed.code).toBe(code);
    if (typeof reason === 'string') expect(closed.reason).toBe(reason);
    expect(server.connections.length).toBe(0);
    expect(events.unread('error')).toEqual([]);
  });

  it.each([
    ['ASCII', 'x'.repeat(200), 'x'.repeat(123)],
    ['two bytes', 'é'.repeat(100), 'é'.repeat(61)],
    ['four bytes', `a${'😀'.repeat(40)}`, `a${'😀'.repeat(30)}`],
    ['just 123 bytes', 'x'.repeat(123), 'x'.repeat(123)],
  ])('a long reason is cut at 123 bytes, between characters: %s', async (_what, message, reason) => {
    const { wsUrl } = await serve(thrower(new UnauthorizedException(message)));
    expect(await refusal(wsUrl)).toEqual({ code: 4401, reason });
  });

  it.each<[string, () => unknown]>([
    ['an error', thrower(new Error('secret'))],
    ['a rejection', () => Promise.reject(new Error('secret'))],
    ['no handler', () => ({})],
  ])('%s: 4500, a reason that tells nothing, and onError', async (_what, decide) => {
    const { wsUrl, events } = await serve(decide);
    expect(await refusal(wsUrl)).toEqual({ code: 4500, reason: 'Internal server error' });
    await events.next('error');
  });

  it('a guard that says no: 4403; one that throws: its status; the cookies that it set go out with the 101', async () => {
    const { wsUrl, port, events } = await serve(
      () => null,
      {},
      (context) => {
        const [request, response] = [
          context.switchToHttp().getRequest<{ url: string }>(),
          context.switchToHttp().getResponse<ServerResponse>(),
        ];
        response.setHeader('Set-Cookie', ['session=; Max-Age=0', 'why=expired']);
        if (request.url === '/?throws') throw new UnauthorizedException('who?');
        return false;
      },
    );
    expect((await refusal(wsUrl)).code).toBe(4403);
    expect(await refusal(`${wsUrl}/?throws`)).toEqual({ code: 4401, reason: 'who?' });
    const client = await openSocket(port);
    client.write(handshakeHead('/?throws'));
    const head = await client.head();
    expect(head).toMatch(/^HTTP\/1.1 101 /);
    expect(head.match(/^set-cookie: .*$/gim)).toEqual([
      expect.stringMatching(/^set-cookie: session=; Max-Age=0$/i),
      expect.stringMatching(/^set-cookie: why=expired$/i),
    ]);
    expect(await client.closeCode()).toBe(4401);
    client.socket.destroy();
    expect(events.order).toEqual([]);
  });

  it('an onConnection that takes longer than handshakeTimeout: 4503, and onError', async () => {
    const { wsUrl, events } = await serve(() => new Promise(() => undefined), { handshakeTimeout: 50 });
    expect((await refusal(wsUrl)).code).toBe(4503);
    expect((await events.next('error'))[0]).toMatchObject({ errors: [{ errCode: 503 }] });
  });

  it('a refused client is no connection: what it sends goes nowhere, and it counts for nothing', async () => {
    const { wsUrl, server } = await serve(() => null, { maxConnections: 1 });
    for (let round = 0; round < 3; round++) {
      const client = await connect(wsUrl);
      client.send('anybody?');
      expect((await within(client.closed)).code).toBe(4403);
      expect(client.unread).toEqual([]);
      expect(server.connections.length).toBe(0);
    }
  });

  it('the checks before onConnection stay HTTP: origins, maxConnections, the protocol', async () => {
    const { wsUrl, port, events, app } = await serve(() => null, { allowedOrigins: 'https://a.example' });
    expect((await connectRefused(wsUrl, { origin: 'https://b.example' })).status).toBe(403);
    expect(await handshakeStatus(port, '/', { 'Sec-WebSocket-Key': 'short' })).toBe(400);
    expect(await handshakeStatus(port, '/nowhere')).toBe(404);
    app
      .get(WebSocketServerRegistry)
      .create({ onConnection: () => null }, { path: '/full', maxConnections: 0, refusals: 'close' });
    expect((await connectRefused(`${wsUrl}/full`)).status).toBe(503);
    expect(events.order).toEqual([]);
  });
});

describe("8 refusals: 'http' refuses with HTTP, and whoever speaks our sub-protocol by a close frame", () => {
  const refuse = thrower(new UnauthorizedException('Token expired'));

  it.each<[string, string[], ServerOptions]>([
    ['the sub-protocol', [V1], {}],
    ['what our client offers', ['chat', 'nestjs-4d-websocket.plain', `${V1}.chat`, V1], {}],
    ['with one of the application', ['chat', `${V1}.chat`], { protocols: ['chat'] }],
  ])('a close frame: %s', async (_what, protocols, options) => {
    const { wsUrl, server } = await serve(refuse, { refusals: 'http', ...options });
    const client = await connect(wsUrl, { protocols });
    expect(await within(client.closed)).toEqual({ code: 4401, reason: 'Token expired' });
    expect(client.unread).toEqual([]);
    expect(server.connections.length).toBe(0);
  });

  it.each<[string, string[], ServerOptions]>([
    ['no sub-protocol', [], {}],
    ['another one', ['chat'], { protocols: ['chat'] }],
    ['one that changes nothing', ['nestjs-4d-websocket.plain'], {}],
    ['the application does not take ours', [V1], { resume: false }],
    ['the application prefers its own', ['chat', V1], { protocols: ['chat'] }],
  ])('HTTP: %s', async (_what, protocols, options) => {
    const { wsUrl } = await serve(refuse, { refusals: 'http', ...options });
    const refused = await connectRefused(wsUrl, { protocols });
    expect(refused).toMatchObject({ status: 401, json: { message: 'Token expired' } });
  });

  it('our client on Node learns the status and the reason, and waits as long as Retry-After says', async () => {
    const { wsUrl } = await serve(
      () => null,
      { refusals: 'http' },
      (context) => {
        context.switchToHttp().getResponse<ServerResponse>().setHeader('Retry-After', '3600');
        throw new HttpException('Too many', 429);
      },
    );
    const disconnect = await new Promise<ClientDisconnectEvent>((resolve) => {
      const ws = new FourDWebSocket(wsUrl, {
        onDisconnect: (_ws, event) => {
          resolve(event);
          ws.terminate();
        },
      });
    });
    expect(disconnect).toMatchObject({ code: 4429, reason: 'Too many' });
    expect(disconnect.delay).toBeGreaterThanOrEqual(3_600_000);
  });
});
