/** Connections that end when their token does, and tokens that are replaced in time (reference 19.5). */
import {
  Injectable,
  Scope,
  ServiceUnavailableException,
  UnauthorizedException,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { Inject } from '@nestjs/common';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import {
  ConnectionHandler,
  OnRefresh,
  WebSocketServerRegistry,
  WSSHandler,
  type ConnectionOf,
  type HandlerOf,
  type ServerOptions,
  type WebSocketConnection,
  type WSConnectionEvent,
  type WSMessageEvent,
  type WSRefreshEvent,
  type WSServerErrorEvent,
  type WSTerminateEvent,
} from 'nestjs-4d-websocket';
import { FourDWebSocket, type ClientOptions } from 'nestjs-4d-websocket/client';
import { defineContract } from 'nestjs-4d-websocket/contract';
import { interval, map } from 'rxjs';
import * as v from 'valibot';
import { closeApps, startApp, type TestAppOptions } from '../support/app.js';
import { CHROMIUM, launchBrowser } from '../support/browser.js';
import { ClientSite } from '../support/client-site.js';
import { connect } from '../support/client.js';
import { deferred } from '../support/deferred.js';
import { Recorder } from '../support/recorder.js';
import { describeWith } from '../support/requirement.js';
import { ResumingClient } from '../support/resuming-client.js';

const clients: { terminate(): void }[] = [];
const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate();
  for (const end of ends.splice(0)) await end();
  await closeApps();
});

type UserRequest = IncomingMessage & { user?: { name: string; exp: number } };

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const soon = (milliseconds: number) => new Date(Date.now() + milliseconds);

/** A token: a user's name, and when it expires. */
const tokenOf = (name: string, expiresIn: number) => `${name}:${Date.now() + expiresIn}`;

function admit(request: UserRequest): true {
  const [name, exp] = (request.headers.authorization ?? '').replace('Bearer ', '').split(':');
  if (name === 'crash') throw new Error('The database is away');
  if (name === 'away') throw new ServiceUnavailableException('The identity provider is away');
  if (!(Number(exp) > Date.now())) throw new UnauthorizedException('The token has expired');
  request.user = { name: name!, exp: Number(exp) };
  return true;
}

@Injectable()
class TokenGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    expect(context.getType()).toBe('http');
    return admit(context.switchToHttp().getRequest<UserRequest>());
  }
}

@Injectable({ scope: Scope.REQUEST })
class ScopedGuard implements CanActivate {
  constructor(@Inject(REQUEST) private readonly request: UserRequest) {}

  async canActivate() {
    await undefined;
    return admit(this.request);
  }
}

interface Serve {
  options?: ServerOptions;
  guard?: new (...args: never[]) => CanActivate;
  app?: Omit<TestAppOptions, 'providers'>;
  onMessage?: (ws: WebSocketConnection, event: WSMessageEvent<string>) => unknown;
}

/** A server whose connections end with their tokens. */
async function serve({ options, guard = TokenGuard, app, onMessage = (_ws, { data }) => data }: Serve = {}) {
  const events = new Recorder();
  const expiryOf = ({ request }: Pick<WebSocketConnection, 'request'>) =>
    new Date((request.raw as UserRequest).user!.exp);
  @ConnectionHandler()
  class Handler {
    onOpen(ws: WebSocketConnection) {
      ws.expiresAt = expiryOf(ws);
      events.push('open', ws);
    }
    onMessage(ws: WebSocketConnection, event: WSMessageEvent<string>) {
      events.push('message', event.data);
      return onMessage(ws, event);
    }
    @OnRefresh()
    tokenReplaced(ws: WebSocketConnection, { request }: WSRefreshEvent) {
      expect(ws.request).toBe(request);
      ws.expiresAt = expiryOf(ws);
      events.push('refresh', (request.raw as UserRequest).user!.name, request.headers.authorization);
    }
    onTerminate(_ws: WebSocketConnection, { code, reason }: WSTerminateEvent) {
      events.push('terminate', code, reason);
    }
  }
  @WSSHandler({ path: '/', refreshKey: ({ raw }) => (raw as UserRequest).user?.name, ...options })
  class Server {
    @UseGuards(guard)
    onConnection() {
      return Handler;
    }
    onError(_server: unknown, { errors }: WSServerErrorEvent) {
      events.push('server error', errors[0].message);
    }
  }
  const testApp = await startApp({ ...app, providers: [Handler, Server, guard] });
  return { ...testApp, events, server: testApp.app.get(WebSocketServerRegistry).get(Server)! };
}

const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

function fourD(url: string, events: Recorder, options: ClientOptions): FourDWebSocket {
  const client = new FourDWebSocket(
    url,
    {
      onOpen: (_ws, { reconnected }) => events.push('client open', reconnected),
      onMessage: (_ws, { data }) => events.push('client message', data),
      onDisconnect: (_ws, { code }) => events.push('client disconnect', code),
      onError: (_ws, { errors }) => events.push('client error', errors[0].message),
      onTerminate: (_ws, { code }) => events.push('client terminate', code),
    },
    { reconnect: { minDelay: 1, maxDelay: 20 }, ...options },
  );
  clients.push(client);
  return client;
}

describe('19.5 expiresAt', () => {
  it.each([
    ['plain', {}],
    ['compressed', { perMessageDeflate: true }],
  ] satisfies [string, ServerOptions][])(
    'closes with 4401 after what is under way; nothing is served after it (%s)',
    async (_name, options) => {
      const gate = deferred<void>();
      const { wsUrl, events, server } = await serve({
        options,
        onMessage: async (ws, { data }) => {
          await gate.promise;
          return `${data} ${ws.status}`;
        },
      });
      const client = await connect(wsUrl, { ...bearer(tokenOf('ann', 60_000)), perMessageDeflate: true });
      const [ws] = (await events.next('open')) as [WebSocketConnection];
      void ws.subscribe('news');
      client.send('one');
      client.send('two');
      await events.next('message');
      ws.expiresAt = soon(0);
      await new Promise((resolve) => setTimeout(resolve, 5));
      client.send('three');
      void server.publish('news', 'published too late');
      server.broadcast('sent to all too late');
      gate.resolve();
      expect(await client.next()).toBe('one Connected');
      expect(await client.closed).toEqual({ code: 4401, reason: 'Expired' });
      expect(await events.next('terminate')).toEqual([4401, 'Expired']);
      expect(client.unread).toEqual([]);
      expect(events.order).toEqual(['open', 'message', 'terminate']);
    },
  );

  it('does not wait for its timer: a process that is busy serves nothing late', async () => {
    const { wsUrl, events } = await serve({
      onMessage: (ws) => {
        ws.expiresAt = soon(20);
        const end = performance.now() + 60;
        while (performance.now() < end);
      },
    });
    const client = await connect(wsUrl, bearer(tokenOf('ann', 60_000)));
    await events.next('open');
    for (const data of ['one', 'two', 'three']) client.send(data);
    expect((await client.closed).code).toBe(4401);
    await events.next('terminate');
    expect(events.order).toEqual(['open', 'message', 'terminate']);
  });

  it('is bounded by closeTimeout, if what is under way does not end', async () => {
    const { wsUrl, events } = await serve({
      options: { closeTimeout: 50, shutdownTimeout: 60 },
      onMessage: () => new Promise(() => undefined),
    });
    const client = await connect(wsUrl, bearer(tokenOf('ann', 60_000)));
    const [ws] = (await events.next('open')) as [WebSocketConnection];
    client.send('one');
    await events.next('message');
    ws.expiresAt = soon(-1000);
    expect((await client.closed).code).toBe(4401);
  });

  it('can be moved, and taken back; a connection that is closed has none', async () => {
    const { wsUrl, events } = await serve();
    const client = await connect(wsUrl, bearer(tokenOf('ann', 60_000)));
    const [ws] = (await events.next('open')) as [WebSocketConnection];
    const later = soon(1e11);
    ws.expiresAt = later;
    expect(ws.expiresAt).toEqual(later);
    ws.expiresAt = soon(10);
    ws.expiresAt = undefined;
    expect(ws.expiresAt).toBeUndefined();
    await new Promise((resolve) => setTimeout(resolve, 20));
    client.send('still there');
    expect(await client.next()).toBe('still there');
    for (const bad of ['tomorrow', 1, null, new Date('never')])
      expect(() => (ws.expiresAt = bad as Date)).toThrow(TypeError);
    client.socket.close();
    await events.next('terminate');
    ws.expiresAt = soon(0);
    expect(ws.expiresAt).toBeUndefined();
  });

  it('a date that is past can not be moved any more', async () => {
    const past = soon(-1);
    const { wsUrl, events } = await serve({
      async onMessage(ws) {
        ws.expiresAt = past;
        await undefined;
        ws.expiresAt = soon(5000);
        events.push('date', ws.expiresAt);
      },
    });
    const client = await connect(wsUrl, bearer(tokenOf('ann', 60_000)));
    client.send('go');
    expect(await events.next('date')).toEqual([past]);
    expect((await client.closed).code).toBe(4401);
  });

  it('ends the streams of messages that were answered', async () => {
    const { wsUrl, events } = await serve({ onMessage: () => interval(1).pipe(map(String)) });
    const client = await connect(wsUrl, bearer(tokenOf('ann', 60_000)));
    const [ws] = (await events.next('open')) as [WebSocketConnection];
    client.send('go');
    await client.next();
    ws.expiresAt = soon(5);
    expect((await client.closed).code).toBe(4401);
  });

  it('of a contract: a call under way is answered, what waits and what comes is not served, streams end', async () => {
    const contract = defineContract({
      receives: { say: v.string() },
      calls: { ask: { request: v.string(), response: v.string() } },
      streams: { ticks: { request: v.string(), item: v.number() } },
    });
    const events = new Recorder();
    const gate = deferred<void>();
    let ended = false;
    @ConnectionHandler({ path: '/', contract, dataType: 'object' })
    class Handler implements HandlerOf<typeof contract> {
      onOpen(ws: ConnectionOf<typeof contract>) {
        events.push('open', ws);
      }
      say(_ws: unknown, text: string) {
        events.push('say', text);
      }
      async ask(_ws: unknown, text: string) {
        events.push('ask', text);
        await gate.promise;
        return text;
      }
      async *ticks() {
        try {
          for (let tick = 0; ; tick++) {
            yield tick;
            await new Promise(setImmediate);
          }
        } finally {
          ended = true;
        }
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler] });
    const closed = deferred<number>();
    const client = new FourDWebSocket(
      wsUrl,
      { onTerminate: (_ws, { code }) => closed.resolve(code) },
      { contract, reconnect: false },
    );
    clients.push(client);
    const [ws] = (await events.next('open')) as [ConnectionOf<typeof contract>];
    const first = deferred<void>();
    const items = (async () => {
      for await (const _tick of client.stream(contract.ticks(''))) first.resolve();
    })();
    const stopped = items.catch((error: unknown) => error);
    await first.promise;
    const asked = client.call(contract.ask('one'));
    client.send(contract.say('waits'));
    const lost = client.call(contract.ask('waits, too')).catch((error: unknown) => error);
    await events.next('ask');
    ws.expiresAt = soon(0);
    await new Promise((resolve) => setTimeout(resolve, 5));
    gate.resolve();
    expect(await asked).toBe('one');
    expect(await closed.promise).toBe(4401);
    expect((await lost) as Error).toMatchObject({ name: 'ConnectionLostError' });
    expect(await stopped).toBeInstanceOf(Error);
    expect(events.order).toEqual(['open', 'ask']);
    expect(ended).toBe(true);
  });
});

/** Waits until the server wants a token. */
async function due(client: ResumingClient): Promise<void> {
  const { header } = await client.take('refresh');
  await pause(header[1] as number);
}

describe('19.5 refresh', () => {
  it.each<[string, Serve]>([
    ['a guard', {}],
    ['a request-scoped guard', { guard: ScopedGuard }],
    ['Fastify', { app: { platform: 'fastify' } }],
    ['compression', { options: { perMessageDeflate: true } }],
  ])(
    'the client brings a fresh token in time: nothing is lost, or served out of turn (%s)',
    async (_name, how) => {
      const { wsUrl, events } = await serve(how);
      let tokens = 0;
      const client = fourD(wsUrl, events, { token: () => tokenOf('ann', ++tokens < 3 ? 1_000 : 60_000) });
      await events.next('client open');
      const sent: string[] = [];
      const count = (event: string) => events.order.filter((name) => name === event).length;
      while (count('refresh') < 2) {
        sent.push(String(sent.length));
        client.send(sent.at(-1)!);
        // A token behind more than a server can do would come too late.
        do await new Promise(setImmediate);
        while (sent.length - count('client message') > 20);
      }
      for (const data of sent) expect(await events.next('client message')).toEqual([data]);
      expect(events.unread('message').flat()).toEqual(sent);
      expect(events.order).not.toContain('terminate');
      expect(events.unread('refresh').map(([name]) => name)).toEqual(['ann', 'ann']);
      expect(new Set(events.unread('refresh').map(([, header]) => header)).size).toBe(2);
    },
  );

  it("sees what the guards made of the new request, and keeps the application's data", async () => {
    const { wsUrl, events } = await serve();
    fourD(wsUrl, events, { token: () => tokenOf('ann', 1_500) });
    const [ws] = (await events.next('open')) as [WebSocketConnection<{ seen?: number }>];
    const { raw, headers } = ws.request;
    ws.data.seen = 7;
    await events.next('refresh');
    expect(ws.request.raw).not.toBe(raw);
    expect(ws.request.headers).toEqual({ ...headers, authorization: ws.request.raw.headers.authorization });
    expect(ws.request.headers.authorization).not.toBe(headers.authorization);
    expect(ws.request.raw.headersDistinct.authorization).toEqual([ws.request.headers.authorization]);
    expect(ws.request.url).toBe('/');
    expect(ws.remoteAddress).toBe('127.0.0.1');
    expect(ws.data).toEqual({ seen: 7 });
  });

  it.each([
    ['that has expired', () => tokenOf('ann', -1), 'The token has expired'],
    ['of somebody else', () => tokenOf('bob', 60_000), "Another user's token"],
    ['that no header can hold', () => 'ann\r\nX-User: bob', 'The token is none'],
  ])('a token %s: 4401, and nothing behind it is served', async (_what, token, reason) => {
    const { wsUrl, events } = await serve();
    const client = new ResumingClient(wsUrl);
    await client.connect(bearer(tokenOf('ann', 1_500)));
    await events.next('open');
    await due(client);
    client.client.send(`${JSON.stringify(['token', token()])}\n`);
    client.send('behind it');
    expect(await client.client.closed).toEqual({ code: 4401, reason });
    await events.next('terminate');
    expect(events.order).toEqual(['open', 'terminate']);
  });

  it('what comes unasked or too early is not looked at, so tokens are no way to the guards without end', async () => {
    const { wsUrl, events } = await serve();
    const client = new ResumingClient(wsUrl);
    await client.connect(bearer(tokenOf('ann', 60_000)));
    await events.next('open');
    for (let index = 0; index < 500; index++) client.client.send('["token","bad:1"]\n');
    client.send('served');
    expect(await events.next('message')).toEqual(['served']);
    expect(events.order).toEqual(['open', 'message']);
  });

  it.each([
    ['filled by onConnection', false, false],
    ['filled by a guard', true, false],
    ['filled by a guard that then fails', true, true],
  ])("nobody gets another's connection by a refreshKey of `data` %s", async (_how, byGuard, fails) => {
    const events = new Recorder();
    let isAway = false;
    @WSSHandler({ path: '/', refreshKey: ({ data }) => (data as { user?: string }).user })
    class Server {
      @UseGuards({
        canActivate(context: ExecutionContext) {
          const request = context
            .switchToHttp()
            .getRequest<{ headers: IncomingHttpHeaders; data: { user?: string } }>();
          if (byGuard) request.data.user = request.headers.authorization!.slice('Bearer '.length);
          if (isAway) throw new Error('away');
          return true;
        },
      })
      onConnection(_wss: unknown, { request }: WSConnectionEvent<{ user?: string }>) {
        request.data.user ??= request.headers.authorization!.slice('Bearer '.length) as string;
        return {
          onOpen: (ws: WebSocketConnection) => (ws.expiresAt = soon(1_000)),
          onMessage: ({ data }: WebSocketConnection<{ user?: string }>) => data.user,
          onRefresh: () => events.push('refresh'),
          onTerminate: (
            { data }: WebSocketConnection<{ user?: string }>,
            { code, reason }: WSTerminateEvent,
          ) => events.push('terminate', data.user, code, reason),
        };
      }
      onError(_server: unknown, { errors }: WSServerErrorEvent) {
        events.push('server error', errors[0].message);
      }
    }
    const { wsUrl } = await startApp({ providers: [Server] });
    const client = new ResumingClient(wsUrl);
    await client.connect(bearer('ann'));
    await due(client);
    isAway = fails;
    client.client.send('["token","bob"]\n');
    if (!byGuard || fails) {
      const [message] = await events.next('server error');
      expect(message).toMatch(
        fails ? 'away' : /^The option "refreshKey" gave undefined for the request with the new token/,
      );
    }
    expect(await events.next('terminate')).toEqual([
      'ann',
      4401,
      byGuard && !fails ? "Another user's token" : 'Expired',
    ]);
    expect(events.order).not.toContain('refresh');
  });

  it('what a guard writes to `data` is on the connection when its token was taken', async () => {
    const events = new Recorder();
    @WSSHandler('/')
    class Server {
      @UseGuards({
        canActivate(context: ExecutionContext) {
          const request = context.switchToHttp().getRequest<{ headers: IncomingHttpHeaders; data: object }>();
          return Object.assign(request.data, { token: request.headers.authorization }) !== undefined;
        },
      })
      onConnection() {
        return {
          onOpen(ws: WebSocketConnection) {
            Object.assign(ws.data, { own: 7 });
            ws.expiresAt = soon(1_000);
          },
          onMessage: () => undefined,
          onRefresh(ws: WebSocketConnection, { request }: WSRefreshEvent) {
            ws.expiresAt = soon(60_000);
            events.push('refresh', ws.data, ws.data === request.data);
          },
        };
      }
    }
    const { wsUrl } = await startApp({ providers: [Server] });
    const client = new ResumingClient(wsUrl);
    await client.connect(bearer('one'));
    await due(client);
    client.client.send('["token","two"]\n');
    expect(await events.next('refresh')).toEqual([{ own: 7, token: 'Bearer two' }, true]);
  });

  it('onRefresh that refuses, as a server without guards does: 4401, and nothing behind it is served', async () => {
    const events = new Recorder();
    @ConnectionHandler({ path: '/' })
    class Handler {
      onOpen(ws: WebSocketConnection) {
        ws.expiresAt = soon(1_000);
      }
      onMessage() {
        events.push('message');
      }
      onRefresh() {
        throw new UnauthorizedException('Not this one');
      }
      onTerminate(_ws: unknown, { code, reason }: WSTerminateEvent) {
        events.push('terminate', code, reason);
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler] });
    const client = new ResumingClient(wsUrl);
    await client.connect(bearer('ann'));
    await due(client);
    client.client.send('["token","other"]\n');
    client.send('behind it');
    expect(await events.next('terminate')).toEqual([4401, 'Not this one']);
    expect(events.order).toEqual(['terminate']);
  });

  it('a client whose token was refused asks for another, and comes back', async () => {
    const { wsUrl, events } = await serve();
    const tokens = [tokenOf('ann', 1_000), 'bad:1', tokenOf('ann', 60_000)];
    fourD(wsUrl, events, { token: () => tokens.shift() });
    expect(await events.next('client disconnect')).toEqual([4401]);
    await events.next('client open');
    expect(await events.next('client open')).toEqual([true]);
    expect(tokens).toEqual([]);
  });

  it('token() that fails is told to onError; the connection ends with the old token, and the client comes back', async () => {
    const { wsUrl, events } = await serve();
    let asked = 0;
    fourD(wsUrl, events, {
      token: () => {
        if (++asked === 2) throw new Error('The identity provider is away');
        return tokenOf('ann', asked === 1 ? 100 : 60_000);
      },
    });
    expect(await events.next('client error')).toEqual(['The identity provider is away']);
    expect(await events.next('client disconnect')).toEqual([4401]);
    await events.next('client open');
    expect(await events.next('client open')).toEqual([true]);
  });

  it.each([
    ['crash', 'The database is away'],
    ['away', 'The identity provider is away'],
  ])(
    'a guard that fails (%s) says nothing of the token: the client is asked again',
    async (token, message) => {
      const { wsUrl, events } = await serve();
      const tokens = [tokenOf('ann', 3_000), token, tokenOf('ann', 60_000)];
      fourD(wsUrl, events, { token: () => tokens.shift() });
      expect(await events.next('server error')).toEqual([message]);
      expect((await events.next('refresh'))[0]).toBe('ann');
      expect(events.order).not.toContain('terminate');
    },
  );

  it('of many tokens that wait the last one counts; one without an end to move is not looked at', async () => {
    const gate = deferred<void>();
    const { wsUrl, events } = await serve({ onMessage: () => gate.promise });
    const client = new ResumingClient(wsUrl);
    await client.connect(bearer(tokenOf('ann', 2_000)));
    const [ws] = (await events.next('open')) as [WebSocketConnection];
    await due(client);
    const say = (token: string) => client.client.send(`${JSON.stringify(['token', token])}\n`);
    client.client.send('\nwait');
    await events.next('message');
    for (let index = 0; index < 1000; index++) say('bad:1');
    const last = tokenOf('ann', 90_000);
    say(last);
    client.client.send('\nlast');
    while (ws.queuedMessages < 2) await new Promise(setImmediate);
    gate.resolve();
    expect(await events.next('refresh')).toEqual(['ann', `Bearer ${last}`]);
    await events.next('message');
    ws.expiresAt = undefined;
    say('bad:1');
    client.client.send('\nserved');
    expect(await events.next('message')).toEqual(['served']);
  });
});

describeWith('Chromium', CHROMIUM, '19.5 in a browser', () => {
  it('a page brings a fresh token over the connection that is there; one that is refused ends it, and the page comes back', async () => {
    const { wsUrl, events } = await serve({ options: { allowedOrigins: /^http:\/\/127\.0\.0\.1:/ } });
    const browser = await launchBrowser();
    const site = await ClientSite.start();
    ends.push(
      () => browser.close(),
      () => site.close(),
    );
    const page = await site.open(browser);
    const tokens = [tokenOf('ann', 1_500), tokenOf('ann', 3_000), 'bad:1', tokenOf('ann', 60_000)];
    await page.connect(wsUrl, { tokens });
    await events.next('open');
    expect((await events.next('refresh'))[0]).toBe('ann');
    await page.evaluate(`ws.send('still here')`);
    expect(await events.next('message')).toEqual(['still here']);
    expect(events.order).not.toContain('terminate');
    expect(await events.next('terminate')).toEqual([4401, 'The token has expired']);
    await events.next('open');
    await page.until(`log.filter(({ type }) => type === 'open').length === 2`);
    expect((await page.types()).filter((type) => type !== 'message')).toEqual(['open', 'disconnect', 'open']);
    expect(page.violations).toEqual([]);
  });
});
