/** A token that comes as a sub-protocol, since browsers send no headers (reference 15.6). */
import { createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import {
  HttpException,
  Injectable,
  Req,
  UnauthorizedException,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import {
  WSSHandler,
  type HandshakeRequest,
  type ServerOptions,
  type WebSocketConnection,
  type WebSocketServer,
  type WSConnectionEvent,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { FourDWebSocket } from 'nestjs-4d-websocket/client';
import type { Browser } from 'playwright-core';
import { closeApps, startApp, type TestAppOptions } from '../support/app.js';
import { CHROMIUM, launchBrowser } from '../support/browser.js';
import { ClientLog } from '../support/client-log.js';
import { ClientSite, type ClientPage } from '../support/client-site.js';
import { connect, connectRefused } from '../support/client.js';
import { handshakeHead, openSocket } from '../support/raw-client.js';
import { Recorder } from '../support/recorder.js';
import { describeWith } from '../support/requirement.js';

afterEach(closeApps);

const PLAIN = 'nestjs-4d-websocket.plain';

/** As a JWT is made: a header, claims and a signature of both. */
function tokenOf(user: string, secret = 'secret'): string {
  const body = [{ alg: 'HS256', typ: 'JWT' }, { sub: user }]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
}

const offer = (token: string | Buffer) => `bearer.${Buffer.from(token).toString('base64url')}`;

type UserRequest = IncomingMessage & { user?: string };

/** Written for controllers: it knows the header only. */
@Injectable()
class JwtGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    const request = context.switchToHttp().getRequest<UserRequest>();
    const [scheme, token = ''] = request.headers.authorization?.split(' ') ?? [];
    const { sub } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString() || '{}') as {
      sub?: string;
    };
    if (scheme !== 'Bearer' || sub === undefined || token !== tokenOf(sub)) throw new UnauthorizedException();
    request.user = sub;
    return true;
  }
}

/** Serves clients that a guard lets in, and tells them who they are. */
async function serve(options: ServerOptions = {}, app: TestAppOptions = {}) {
  const seen = new Recorder();
  @WSSHandler({ path: '/', ...options })
  @UseGuards(JwtGuard)
  class Server {
    onConnection(_wss: WebSocketServer, { request }: WSConnectionEvent, @Req() { user }: UserRequest) {
      return {
        onOpen(ws: WebSocketConnection) {
          seen.push('request', request, ws);
          ws.send(`Hello ${user}`);
        },
        onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
          if (data.startsWith('close')) ws.terminate(Number(data.slice(6)), 'as asked');
          else ws.send(data);
        },
      };
    }
  }
  const testApp = await startApp({ ...app, providers: [Server, JwtGuard] });
  return {
    ...testApp,
    /** What the next client that was let in had asked for. */
    async next() {
      const [request, ws] = await seen.next('request');
      return { request: request as HandshakeRequest, ws: ws as WebSocketConnection };
    },
  };
}

/** Sends a handshake as it is; resolves with the head of the answer. */
async function answerTo(port: number, headers: Record<string, string>): Promise<string> {
  const client = await openSocket(port);
  client.write(handshakeHead('/', headers));
  const head = await client.head();
  client.socket.destroy();
  return head;
}

const valuesOf = (rawHeaders: readonly string[], name: string) =>
  rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]!.toLowerCase() === name);

describe.each(['express', 'fastify'] as const)('on %s', (platform) => {
  it('a guard for controllers lets in who offers a good token, and refuses the others', async () => {
    const { wsUrl } = await serve({}, { platform });
    const client = await connect(wsUrl, { protocols: [PLAIN, offer(tokenOf('Ada'))] });
    expect(client.socket.protocol).toBe(PLAIN);
    expect(await client.next()).toBe('Hello Ada');
    await client.close();
    for (const protocols of [PLAIN, `${PLAIN}, ${offer(tokenOf('Ada', 'forged'))}`]) {
      expect(await connectRefused(wsUrl, { headers: { 'Sec-WebSocket-Protocol': protocols } })).toMatchObject(
        { status: 401, json: { message: 'Unauthorized' } },
      );
    }
  });
});

describe('what the server sees', () => {
  it('the token is in Authorization, everywhere, and the offer nowhere', async () => {
    const { wsUrl, next } = await serve();
    const token = tokenOf('Ada');
    const client = await connect(wsUrl, {
      protocols: ['chat', PLAIN, offer(token)],
      headers: { cookie: 'a=1' },
    });
    const { request, ws } = await next();
    const { raw } = request;
    expect(raw.headers.authorization).toBe(`Bearer ${token}`);
    expect(request.headers.authorization).toBe(`Bearer ${token}`);
    expect(valuesOf(raw.rawHeaders, 'authorization')).toEqual([`Bearer ${token}`]);
    expect(raw.headersDistinct.authorization).toEqual([`Bearer ${token}`]);
    expect(raw.headers['sec-websocket-protocol']).toBe(`chat, ${PLAIN}`);
    expect(request.headers['sec-websocket-protocol']).toBe(`chat, ${PLAIN}`);
    expect(valuesOf(raw.rawHeaders, 'sec-websocket-protocol')).toEqual([`chat, ${PLAIN}`]);
    expect(raw.headers.cookie).toBe('a=1');
    expect(JSON.stringify([raw.headers, raw.rawHeaders, raw.headersDistinct])).not.toContain('bearer.');
    expect(ws.protocol).toBe('');
    await client.close();
  });

  it('offered alone it leaves no header of sub-protocols, and none is chosen', async () => {
    const { port, next } = await serve();
    const head = await answerTo(port, { 'Sec-WebSocket-Protocol': offer(tokenOf('Ada')) });
    expect(head).toMatch(/^HTTP\/1.1 101 /);
    expect(head).not.toMatch(/sec-websocket-protocol/i);
    const { request } = await next();
    expect(request.headers).not.toHaveProperty('sec-websocket-protocol');
    expect(request.raw.headers).not.toHaveProperty('sec-websocket-protocol');
  });

  it('it may come in a header of its own, in front of or between others, with any spaces', async () => {
    const { port, next } = await serve({ protocols: ['b'] });
    const client = await openSocket(port);
    const [start] = handshakeHead('/').split('\r\n\r\n');
    client.write(
      `${start}\r\nSec-WebSocket-Protocol:${offer(tokenOf('Ada'))}\r\nsec-websocket-protocol: a ,  b\r\n\r\n`,
    );
    expect(await client.head()).toMatch(/^HTTP\/1.1 101 [^]*\r\nSec-WebSocket-Protocol: b(\r\n|$)/);
    expect((await next()).request.headers['sec-websocket-protocol']).toBe('a ,  b');
    client.socket.destroy();
    expect(await answerTo(port, { 'Sec-WebSocket-Protocol': `a,\t${offer(tokenOf('Ada'))} ,b` })).toMatch(
      /\r\nSec-WebSocket-Protocol: b(\r\n|$)/,
    );
  });

  it('an Authorization header that is there already stays; the offer is taken off all the same', async () => {
    const { wsUrl, next } = await serve();
    const authorization = `Bearer ${tokenOf('Grace')}`;
    const client = await connect(wsUrl, {
      protocols: [PLAIN, offer(tokenOf('Ada'))],
      headers: { authorization },
    });
    expect(await client.next()).toBe('Hello Grace');
    const { request } = await next();
    expect(valuesOf(request.raw.rawHeaders, 'authorization')).toEqual([authorization]);
    expect(request.raw.headersDistinct.authorization).toEqual([authorization]);
    expect(request.headers['sec-websocket-protocol']).toBe(PLAIN);
    await client.close();
  });

  it('a protocol of the server’s own goes before the plain one, and is the connection’s', async () => {
    const { wsUrl, next } = await serve({ protocols: ['chat.v2', 'chat.v1'] });
    const client = await connect(wsUrl, {
      protocols: ['chat.v1', PLAIN, offer(tokenOf('Ada'))],
    });
    expect(client.socket.protocol).toBe('chat.v1');
    expect((await next()).ws.protocol).toBe('chat.v1');
    await client.close();
  });

  it('the origin’s check and middleware see it as guards do', async () => {
    const seen: unknown[] = [];
    const look = (request: IncomingMessage) =>
      seen.push([request.headers.authorization, request.headers['sec-websocket-protocol']]);
    const { wsUrl } = await serve({
      allowedOrigins: (_origin, request) => look(request) > 0,
      handshake: {
        use: [
          (request, _response, next) => {
            look(request);
            next();
          },
        ],
      },
    });
    const client = await connect(wsUrl, {
      protocols: [PLAIN, offer(tokenOf('Ada'))],
      origin: 'https://app.example.com',
    });
    const shown = [`Bearer ${tokenOf('Ada')}`, PLAIN];
    expect(seen).toEqual([shown, shown]);
    await client.close();
  });

  it('without a token nothing is chosen that was not before, and nothing is changed', async () => {
    const { wsUrl, next } = await serve({ protocols: ['chat'] });
    const authorization = `Bearer ${tokenOf('Ada')}`;
    const client = await connect(wsUrl, { protocols: ['my.bearer.v1', 'chat'], headers: { authorization } });
    expect(client.socket.protocol).toBe('chat');
    expect((await next()).request.headers['sec-websocket-protocol']).toBe('my.bearer.v1,chat');
    await client.close();
  });
});

describe('what is no token is a 400, and is not told', () => {
  it.each([
    ['nothing', 'bearer.'],
    ['no base64url', 'bearer.a$b'],
    ['a lone sign', 'bearer.a'],
    ['the signs of base64', 'bearer.a+b+'],
    ['bits that are none', 'bearer.YR'],
    ['no UTF-8', offer(Buffer.from([0xff, 0xfe]))],
    ['a line break', offer('a\r\nX-Admin: yes')],
    ['a NUL', offer('a\0b')],
    ['what no header can hold', offer('Ω')],
    ['two tokens', `${offer(tokenOf('Ada'))}, ${offer(tokenOf('Grace'))}`],
  ])('%s', async (_what, offered) => {
    const { wsUrl } = await serve({ refusals: 'close' });
    const refused = await connectRefused(wsUrl, {
      headers: {
        'Sec-WebSocket-Protocol': `${PLAIN}, ${offered}`,
        authorization: `Bearer ${tokenOf('Ada')}`,
      },
    });
    expect(refused).toMatchObject({ status: 400, json: { statusCode: 400, error: 'Bad Request' } });
    if (offered !== 'bearer.') expect(refused.body).not.toContain(offered);
  });

  it('a list that is malformed beside the token is a 400 as ever', async () => {
    const { port } = await serve();
    for (const list of [
      `a,,${offer(tokenOf('Ada'))}`,
      `${offer(tokenOf('Ada'))},`,
      `a b, ${offer(tokenOf('Ada'))}`,
    ]) {
      expect(await answerTo(port, { 'Sec-WebSocket-Protocol': list })).toMatch(/^HTTP\/1.1 400 /);
    }
  });
});

/** A server whose clients are told by a close frame why they are not let in. */
async function serveRefusing(statuses: readonly number[]) {
  const left = [...statuses];
  const asked: (string | undefined)[] = [];
  @WSSHandler({ path: '/', refusals: 'close' })
  class Server {
    onConnection(_wss: WebSocketServer, { request }: WSConnectionEvent) {
      asked.push(request.raw.headers.authorization);
      const status = left.shift();
      if (status) throw new HttpException(`refused with ${status}`, status);
      return { onMessage: () => undefined };
    }
  }
  return { ...(await startApp({ providers: [Server] })), asked };
}

const QUICK = { minDelay: 1, maxDelay: 5 };

it('the client on Node sends the header; closed with 4401 it comes back with a fresh token', async () => {
  const { wsUrl, next } = await serve();
  const log = new ClientLog();
  const tokens = [tokenOf('Ada'), tokenOf('Grace')];
  const ws = new FourDWebSocket(wsUrl, log.hooks, { token: () => tokens.shift(), reconnect: QUICK });
  expect(await log.nth('message')).toMatchObject({ data: 'Hello Ada' });
  expect((await next()).request.headers['sec-websocket-protocol']).not.toContain('bearer');
  ws.send('close 4401');
  expect(await log.nth('message', 2)).toMatchObject({ data: 'Hello Grace' });
  expect(log.types).toEqual(['open', 'message', 'disconnect', 'open', 'message']);
  ws.terminate();
  await log.nth('terminate');
});

describeWith('chromium', CHROMIUM, 'in a browser', () => {
  let browser: Browser;
  let site: ClientSite;
  let client: ClientPage;
  beforeAll(async () => {
    browser = await launchBrowser();
    site = await ClientSite.start();
  });
  afterAll(async () => {
    await browser.close();
    site.close();
  });
  beforeEach(async () => {
    client = await site.open(browser);
  });
  afterEach(() => client.close());

  it('a token lets the client in, beside a cookie; closed with 4401 it comes back with a fresh one', async () => {
    const { wsUrl, next } = await serve();
    await client.page.context().addCookies([{ name: 'a', value: '1', domain: '127.0.0.1', path: '/' }]);
    await client.connect(wsUrl, { tokens: [tokenOf('Ada'), tokenOf('Grace')] });
    await client.until('log.length === 2');
    const { request, ws } = await next();
    expect(request.headers).toMatchObject({
      authorization: `Bearer ${tokenOf('Ada')}`,
      cookie: 'a=1',
      'sec-websocket-protocol': `${PLAIN}, nestjs-4d-websocket.v1`,
    });
    expect(ws.protocol).toBe('');
    expect(await client.evaluate('ws.protocol')).toBe('');
    await client.evaluate("ws.send('close 4401')");
    await client.until('log.length === 5');
    expect(await client.log()).toMatchObject([
      { type: 'open', reconnected: false },
      { type: 'message', data: 'Hello Ada' },
      { type: 'disconnect', code: 4401, reason: 'as asked' },
      { type: 'open', reconnected: true },
      { type: 'message', data: 'Hello Grace' },
    ]);
  });

  it('the application’s sub-protocol is chosen before the plain one', async () => {
    const { wsUrl, next } = await serve({ protocols: ['chat.v1'] });
    await client.connect(wsUrl, { tokens: [tokenOf('Ada')], protocols: ['chat.v2', 'chat.v1'] });
    await client.until('log.length === 2');
    expect(await client.evaluate('ws.protocol')).toBe('chat.v1');
    expect((await next()).ws.protocol).toBe('chat.v1');
  });

  it.each([
    { refusal: 4403, what: 'gives up', statuses: [403], asked: ['1'], end: 'terminate' },
    {
      refusal: 4401,
      what: 'asks for one more token',
      statuses: [401, 401],
      asked: ['1', '2'],
      end: 'terminate',
    },
    { refusal: 4401, what: 'is let in with a fresh one', statuses: [401], asked: ['1', '2'], end: 'open' },
    {
      refusal: 4503,
      what: 'tries again',
      statuses: [503, 503, 503],
      asked: ['1', '2', '3', '4'],
      end: 'open',
    },
  ])('refused with $refusal the client $what', async ({ refusal, statuses, asked, end }) => {
    const server = await serveRefusing(statuses);
    await client.connect(server.wsUrl, { tokens: ['1', '2', '3', '4'], reconnect: QUICK });
    await client.until(end === 'open' ? "log.at(-1)?.type === 'open'" : "ws.status === 'Closed'");
    // A connection that is refused is never open.
    expect((await client.types()).filter((type) => type === 'open')).toHaveLength(end === 'open' ? 1 : 0);
    const codes = (await client.log()).filter(({ type }) => type !== 'open');
    expect(codes).toHaveLength(statuses.length);
    for (const event of codes) {
      expect(event).toMatchObject({ code: refusal, reason: `refused with ${refusal - 4000}` });
    }
    expect((await client.types()).at(-1)).toBe(end);
    expect(server.asked).toEqual(asked.map((token) => `Bearer ${token}`));
  });
});
