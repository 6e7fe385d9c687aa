/** The inspector (reference 18.3): its page in Chromium, whom it lets in, and what it shows and hides. */
import { hasSubscribers } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import {
  Inject,
  Injectable,
  Module,
  Scope,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import type { IncomingMessage } from 'node:http';
import {
  ConnectionHandler,
  WebSocketServerRegistry,
  type Backplane,
  type WebSocketConnection,
  type WSMessageEvent,
  type WSTerminateEvent,
} from 'nestjs-4d-websocket';
import { FourDWebSocket } from 'nestjs-4d-websocket/client';
import { WebSocketInspectorModule } from 'nestjs-4d-websocket/inspector';
import { RedisBackplane } from 'nestjs-4d-websocket/redis';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { inspectorContract, type LiveMessage } from '../../lib/inspector/contract.js';
import { closeApps, startApp, type TestAppOptions } from '../support/app.js';
import { Broker, REDIS } from '../support/brokers.js';
import { CHROMIUM, launchBrowser } from '../support/browser.js';
import { connect, connectRefused } from '../support/client.js';
import { MemoryBroker } from '../support/memory-backplane.js';
import { Recorder } from '../support/recorder.js';
import { describeWith } from '../support/requirement.js';

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  await closeApps();
});

type Options = Parameters<typeof WebSocketInspectorModule.forRoot>[0];

function market() {
  const events = new Recorder();
  @ConnectionHandler({ path: '/markets/:market', maxPayload: 4 * 1024 * 1024 })
  class MarketHandler {
    onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
      events.push('message', data);
      if (data.startsWith('subscribe ')) return void ws.subscribe(data.slice('subscribe '.length));
      if (data === 'throw') throw new Error('<b>thrown</b>');
      return `echo ${data}`;
    }
    onTerminate(_ws: WebSocketConnection, { code, reason }: WSTerminateEvent) {
      events.push('terminate', code, reason);
    }
  }
  return { MarketHandler, events };
}

async function serve(options: Options = { insecure: true }, app: Omit<TestAppOptions, 'providers'> = {}) {
  const { MarketHandler, events } = market();
  const testApp = await startApp({
    ...app,
    imports: [WebSocketInspectorModule.forRoot(options), ...(app.imports ?? [])],
    providers: [MarketHandler],
  });
  return { ...testApp, events, server: testApp.app.get(WebSocketServerRegistry).get('/markets/:market')! };
}

/** A page's end of the talk. */
async function talk(wsUrl: string, headers: Record<string, string> = {}, path = '/inspector/socket') {
  const client = new FourDWebSocket(`${wsUrl}${path}`, { headers }, { contract: inspectorContract });
  ends.push(() => client.terminate());
  return client;
}

const PATH = '/markets/:market';
const LIST = { search: '', server: undefined, sort: 'id', descending: false, offset: 0, limit: 50 } as const;

describe('18.3 who may see it', () => {
  it('without a guard the application does not start, and is told what to write', () => {
    for (const options of [undefined, {}, { guards: [] }, { readOnly: true }])
      expect(() => WebSocketInspectorModule.forRoot(options)).toThrow(
        /^WebSocketInspectorModule: the option "guards" must be at least one guard, such as \[AdminGuard\], .*insecure: true/,
      );
    for (const [options, text] of [
      [{ insecure: 'yes' }, 'the option "insecure" must be a boolean'],
      [{ insecure: true, path: '/' }, 'the option "path" must be a path without parameters'],
      [{ insecure: true, path: '/in/:x' }, 'the option "path" must be a path without parameters'],
      [{ guards: [undefined] }, 'the option "guards" must be an array of guards, each a class'],
      [{ guards: TokenGuard }, 'the option "guards" must be an array of guards'],
    ] as const)
      expect(() => WebSocketInspectorModule.forRoot(options as never)).toThrow(text);
  });

  @Injectable()
  class TokenGuard implements CanActivate {
    constructor(@Inject('PASSWORD') private readonly password: string) {}
    canActivate(context: ExecutionContext) {
      expect(context.getType()).toBe('http');
      const { headers } = context.switchToHttp().getRequest<IncomingMessage>();
      if (headers.authorization !== `Bearer ${this.password}`) throw new UnauthorizedException();
      return true;
    }
  }

  @Injectable({ scope: Scope.REQUEST })
  class ScopedGuard implements CanActivate {
    constructor(
      @Inject(REQUEST) private readonly request: IncomingMessage,
      @Inject('PASSWORD') private readonly password: string,
    ) {}
    async canActivate() {
      return Promise.resolve(this.request.headers.authorization === `Bearer ${this.password}`);
    }
  }

  @Module({ providers: [{ provide: 'PASSWORD', useValue: 'secret' }], exports: ['PASSWORD'] })
  class Passwords {}

  it.each([
    ['a guard', TokenGuard, {}, 401],
    ['a request-scoped guard', ScopedGuard, {}, 403],
    ['a guard, on Fastify', TokenGuard, { platform: 'fastify' }, 401],
  ] as const)(
    '%s keeps strangers from the page, its files and its WebSocket',
    async (_name, guard, app, status) => {
      const { url, wsUrl } = await serve({ guards: [guard], imports: [Passwords] }, app);
      const headers = { Authorization: 'Bearer secret' };
      for (const path of ['/inspector', '/inspector/page.js', '/inspector/page.css']) {
        expect((await fetch(url + path)).status).toBe(status);
        const allowed = await fetch(url + path, { headers });
        expect(allowed.status).toBe(200);
        expect(allowed.headers.get('content-security-policy')).toMatch(
          /^default-src 'none'; script-src 'self';/,
        );
        expect(allowed.headers.get('x-content-type-options')).toBe('nosniff');
        expect(allowed.headers.get('cache-control')).toBe('no-store');
      }
      expect((await connectRefused(`${wsUrl}/inspector/socket`)).status).toBe(status);
      const page = await talk(wsUrl, headers);
      expect(await page.call(inspectorContract.list(LIST))).toEqual({ total: 0, found: 0, rows: [] });
    },
  );

  it('a page of another site does not get in', async () => {
    const { wsUrl, port } = await serve();
    const from = (origin: string) => ({ headers: { Origin: origin } });
    for (const origin of ['https://evil.example', 'null', `http://127.0.0.1:${port + 1}`])
      expect((await connectRefused(`${wsUrl}/inspector/socket`, from(origin))).status).toBe(403);
    await connect(`${wsUrl}/inspector/socket`, from(`http://127.0.0.1:${port}`));
  });

  it.each<[string, Omit<TestAppOptions, 'providers'>, string]>([
    [
      'a global prefix that leaves it out',
      { configure: (app) => void app.setGlobalPrefix('api', { exclude: ['tools/ws', 'tools/ws/{*file}'] }) },
      '/tools/ws',
    ],
    ['a global prefix', { configure: (app) => void app.setGlobalPrefix('api') }, '/api/tools/ws'],
    [
      'module options that limit handshakes and messages',
      {
        options: {
          handshakeRate: { limit: 1, window: 60_000 },
          messageRate: { limit: 1, window: 60_000 },
          maxConnections: 0,
        },
      },
      '/tools/ws',
    ],
  ])('is beside its WebSocket: %s', async (_name, app, path) => {
    const { url, wsUrl } = await serve({ insecure: true, path: '/tools/ws' }, app);
    expect(await (await fetch(url + path)).text()).toContain('src="ws/page.js"');
    for (let index = 0; index < 3; index++) {
      const page = await talk(wsUrl, {}, `${path}/socket`);
      for (let call = 0; call < 3; call++)
        expect((await page.call(inspectorContract.list(LIST))).total).toBe(0);
    }
  });

  it('a read-only one looks, and does nothing', async () => {
    const { wsUrl } = await serve({ insecure: true, readOnly: true });
    await connect(`${wsUrl}/markets/1`);
    const page = await talk(wsUrl);
    expect(await page.call(inspectorContract.instances({}))).toMatchObject({ isReadOnly: true });
    const { rows } = await page.call(inspectorContract.list(LIST));
    const id = rows[0]!.id;
    for (const message of [
      inspectorContract.send({ id, server: PATH, text: 'x' }),
      inspectorContract.close({ id, server: PATH, code: 4000, reason: '' }),
      inspectorContract.publish({ server: 1, topic: 't', text: 'x' }),
      inspectorContract.drain({ server: 1, seconds: 0 }),
    ])
      await expect(page.call(message as never)).rejects.toThrow('The inspector is read-only');
  });
});

describe('18.3 what it tells', () => {
  it('finds, sorts and cuts up the connections, of this application and not its own', async () => {
    const { wsUrl } = await serve();
    const clients = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        connect(
          `${wsUrl}/markets/${index % 2 === 0 ? 'paris' : 'tokyo'}?user=u${index}&token=secret${index}`,
        ),
      ),
    );
    clients[7]!.send('subscribe room:SEVEN');
    clients[9]!.send('x'.repeat(1000));
    await clients[9]!.next();
    const page = await talk(wsUrl);
    const list = (request: object) => page.call(inspectorContract.list({ ...LIST, ...request }));
    const first = await list({ limit: 25 });
    expect(first).toMatchObject({ total: 60, found: 60 });
    expect(first.rows).toHaveLength(25);
    const second = await list({ offset: 25, limit: 200 });
    expect(new Set([...first.rows, ...second.rows].map(({ id }) => id)).size).toBe(60);
    expect((await list({ search: 'PARIS' })).found).toBe(30);
    expect((await list({ search: 'room:seven' })).found).toBe(1);
    expect((await list({ search: 'user=u33' })).found).toBe(1);
    expect((await list({ search: 'secret33' })).found).toBe(0);
    expect((await list({ search: String(first.rows[3]!.id) })).rows.map(({ id }) => id)).toContain(
      first.rows[3]!.id,
    );
    expect((await list({ sort: 'bytesIn', descending: true, limit: 1 })).rows[0]!.bytesIn).toBeGreaterThan(
      1000,
    );
    expect((await list({ sort: 'topics', descending: true, limit: 1 })).rows[0]).toMatchObject({
      topics: 1,
      server: '/markets/:market',
    });
    expect((await list({ server: '/others' })).total).toBe(0);
  });

  it('shows one in full, and hides what lets its client in', async () => {
    const { wsUrl } = await serve();
    const hidden = ['to%6ben', 'key', 'sid', 'X-API-Key', 'authSession', 'jwt', 'invite_code'];
    const query = hidden.map((name) => `&${name}=secret`).join('');
    await connect(`${wsUrl}/markets/paris?room=1&access_token=secret${query}`, {
      headers: {
        ...Object.fromEntries(
          [
            ...['X-Auth', 'Api-Key', 'X-Session-Id', 'X-JWT-Assertion', 'Cf-Access-Jwt-Assertion'],
            ...[
              'X-Goog-IAP-JWT-Assertion',
              'x-amzn-oidc-data',
              'Proxy-Authorization',
              'X-Amz-Security-Token',
            ],
          ].map((name) => [name, 'secret']),
        ),
        Referer: 'https://app.example.com/?page=7&access_token=secret#id_token=secret',
        'X-Original-URL': '/markets/paris?token=secret',
        Cookie: 'session=secret',
        Authorization: 'Bearer secret',
        'X-Auth-Token': 'secret',
        'User-Agent': '<i>me</i>',
      },
    });
    const page = await talk(wsUrl);
    const { rows } = await page.call(inspectorContract.list(LIST));
    const facts = await page.call(inspectorContract.facts({ id: rows[0]!.id }));
    expect(facts).toMatchObject({
      status: 'Connected',
      server: '/markets/:market',
      address: '127.0.0.1',
      url: `/markets/paris?room=1&access_token=••••••${hidden.map((name) => `&${name}=••••••`).join('')}`,
      topicNames: [],
    });
    expect(facts!.headers).toContainEqual(['User-Agent', '<i>me</i>']);
    expect(facts!.headers).toContainEqual([
      'Referer',
      'https://app.example.com/?page=7&access_token=••••••#id_token=••••••',
    ]);
    expect(JSON.stringify(facts)).not.toContain('secret');
    expect(await page.call(inspectorContract.facts({ id: 1e6 }))).toBeNull();
  });

  it('tells what happens second by second, and collects nothing when nobody looks', async () => {
    const { wsUrl, events } = await serve();
    const watched = () =>
      ['message:received', 'message:sent', 'error'].some((name) =>
        hasSubscribers(`nestjs-4d-websocket:${name}`),
      );
    const client = await connect(`${wsUrl}/markets/1`);
    const page = await talk(wsUrl);
    await page.call(inspectorContract.list(LIST));
    expect(watched()).toBe(false);
    const stop = new AbortController();
    const stream = page.stream(inspectorContract.seconds({}), { signal: stop.signal });
    const seconds = stream[Symbol.asyncIterator]();
    await seconds.next();
    expect(watched()).toBe(true);
    for (const text of ['one', 'two', 'throw']) client.send(text);
    await client.next();
    await client.next();
    await connectRefused(`${wsUrl}/nowhere?token=secret`);
    client.socket.close(4000, '<b>bye</b>');
    await events.next('terminate');
    const found = {
      received: 0,
      sent: 0,
      errors: 0,
      closed: 0,
      kinds: [] as string[],
      texts: [] as string[],
    };
    while (found.closed === 0) {
      const { value } = await seconds.next();
      expect(value.servers).toHaveLength(1);
      const [server] = value.servers;
      expect(server).toMatchObject({ path: '/markets/:market', handler: 'MarketHandler' });
      for (const key of ['received', 'sent', 'errors', 'closed'] as const) found[key] += server[key];
      for (const { kind, text } of value.happenings as { kind: string; text: string }[]) {
        found.kinds.push(kind);
        found.texts.push(text);
      }
    }
    expect(found).toMatchObject({ received: 3, sent: 2, errors: 1, closed: 1 });
    expect(found.kinds.sort()).toEqual(['close', 'error', 'refused']);
    expect(found.texts.join()).not.toContain('secret');
    expect(found.texts).toContain('4000 <b>bye</b>');
    stop.abort();
    await seconds.next().catch(() => undefined);
    while (watched()) await new Promise(setImmediate);
  });

  it('shows the messages of one connection; a page that does not keep up is told how many it missed', async () => {
    const { wsUrl } = await serve();
    const [client, other] = [await connect(`${wsUrl}/markets/1`), await connect(`${wsUrl}/markets/2`)];
    const page = await talk(wsUrl);
    const { rows } = await page.call(inspectorContract.list(LIST));
    const stream = page.stream(inspectorContract.messages({ id: rows[0]!.id }))[Symbol.asyncIterator]();
    const first = stream.next();
    while (!hasSubscribers('nestjs-4d-websocket:message:received')) await new Promise(setImmediate);
    other.send('not this one');
    client.send('hello');
    const textOf = ({ data }: LiveMessage) => Buffer.from(data, 'base64').toString();
    const one = (await first).value as LiveMessage;
    const two = (await stream.next()).value as LiveMessage;
    expect([one, two]).toMatchObject([
      { direction: 'received', bytes: 5, isBinary: false, left: 0 },
      { direction: 'sent', bytes: 10, isBinary: false },
    ]);
    expect([textOf(one), textOf(two)]).toEqual(['hello', 'echo hello']);
    const long = 'y'.repeat(3 * 1024 * 1024);
    client.send(long);
    const cut = (await stream.next()).value as LiveMessage;
    expect(cut.bytes).toBe(long.length);
    expect(textOf(cut)).toHaveLength(16_384);
    for (let index = 0; index < 5000; index++) client.send('z');
    await client.sent('last');
    for (;;) if ((await client.next()) === 'echo last') break;
    let [told, left] = [0, 0];
    client.send('end');
    for (;;) {
      const { value } = (await stream.next()) as { value: LiveMessage };
      told++;
      left += value.left;
      if (textOf(value) === 'echo end') break;
    }
    expect(left).toBeGreaterThan(1000);
    expect(told + left).toBe(1 + 2 * 5000 + 2 + 2);
    client.socket.close();
    expect((await stream.next()).done).toBe(true);
    while (hasSubscribers('nestjs-4d-websocket:message:received')) await new Promise(setImmediate);
  });

  it('does what is asked: sends, publishes, closes, drains; garbage is refused', async () => {
    const { wsUrl, events, server } = await serve();
    const clients = await Promise.all(Array.from({ length: 6 }, () => connect(`${wsUrl}/markets/1`)));
    clients[1]!.send('subscribe news');
    await events.next('message');
    while (server.topics.get('news').length === 0) await new Promise(setImmediate);
    const page = await talk(wsUrl);
    const { rows } = await page.call(inspectorContract.list(LIST));
    const seconds = page.stream(inspectorContract.seconds({}))[Symbol.asyncIterator]();
    const [{ id: serverId }] = (await seconds.next()).value.servers;
    await page.call(inspectorContract.send({ id: rows[0]!.id, server: PATH, text: '<b>hello</b>' }));
    expect(await clients[0]!.next()).toBe('<b>hello</b>');
    await page.call(inspectorContract.publish({ server: serverId, topic: 'news', text: 'now' }));
    expect(await clients[1]!.next()).toBe('now');
    await page.call(inspectorContract.close({ id: rows[0]!.id, server: PATH, code: 4001, reason: 'enough' }));
    expect(await clients[0]!.closed).toEqual({ code: 4001, reason: 'enough' });
    expect(await page.call(inspectorContract.drain({ server: serverId, seconds: 0 }))).toBe(5);
    for (const { closed } of clients.slice(1)) expect((await closed).code).toBe(4503);
    await expect(
      page.call(inspectorContract.send({ id: rows[0]!.id, server: PATH, text: 'x' })),
    ).rejects.toThrow('There is no connection');
    for (const [method, params] of [
      ['send', { id: 'one', text: 'x' }],
      ['send', { id: 1, text: 'x'.repeat(70_000) }],
      ['close', { id: 1, code: 1000, reason: '' }],
      ['list', { ...LIST, limit: 1e9 }],
      ['list', { ...LIST, sort: '__proto__' }],
      ['drain', { server: 1, seconds: -1 }],
    ] as const) {
      const raw = await connect(`${wsUrl}/inspector/socket`);
      raw.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));
      expect(JSON.parse((await raw.next()).toString())).toMatchObject({ error: { code: -32602 } });
    }
  });

  it('has the connections of all instances: finds, shows, sends to and closes them', async () => {
    const broker = new MemoryBroker();
    await acrossInstances(() => broker.create());
  });
});

/** Two instances, and the page of one of them. */
async function acrossInstances(create: () => Backplane) {
  const one = await serve({ insecure: true }, { options: { backplane: create() } });
  const two = await serve({ insecure: true }, { options: { backplane: create() } });
  const [here, there, alsoThere] = await Promise.all([
    connect(`${one.wsUrl}/markets/here`),
    connect(`${two.wsUrl}/markets/there?token=secret`),
    connect(`${two.wsUrl}/markets/also`),
  ]);
  const page = await talk(one.wsUrl);
  for (;;) {
    const { own, others } = await page.call(inspectorContract.instances({}));
    if (own.connections === 1 && others.length === 1 && others[0]!.connections === 2) break;
  }
  const list = (request: object) => page.call(inspectorContract.list({ ...LIST, ...request }));
  expect(await list({ limit: 2 })).toMatchObject({ total: 3, found: 3, rows: [{}, {}] });
  const ids = (await list({})).rows.map(({ id }) => id);
  expect((await list({ limit: 1, offset: 2 })).rows.map(({ id }) => id)).toEqual([ids[2]]);
  expect((await list({ descending: true })).rows.map(({ id }) => id)).toEqual(ids.toReversed());
  const { found, rows } = await list({ search: 'there' });
  expect(found).toBe(1);
  const { id } = rows[0]!;
  expect(await page.call(inspectorContract.facts({ id }))).toMatchObject({
    id,
    url: '/markets/there?token=••••••',
    status: 'Connected',
  });
  await page.call(inspectorContract.send({ id, server: PATH, text: 'from afar' }));
  expect(await there.next()).toBe('from afar');
  await page.call(inspectorContract.close({ id, server: PATH, code: 4002, reason: 'enough' }));
  expect(await there.closed).toEqual({ code: 4002, reason: 'enough' });
  const unknown = page.stream(inspectorContract.messages({ id: 1e9 }));
  await expect(unknown[Symbol.asyncIterator]().next()).rejects.toThrow('There is no connection');
  // An instance that is gone is not waited for.
  await two.close();
  for (;;) if ((await list({})).total === 1) break;
  expect((await page.call(inspectorContract.instances({}))).others).toEqual([]);
  here.send('still served');
  expect(await here.next()).toBe('echo still served');
  expect((await alsoThere.closed).code).toBe(1001);
}

describeWith('redis-server', REDIS, '18.3 instances on Redis', () => {
  it('has the connections of all instances', async () => {
    const redis = await Broker.redis();
    ends.push(() => redis.stop());
    await acrossInstances(() => new RedisBackplane({ url: `redis://127.0.0.1:${redis.port}` }));
  });
});

describeWith('Chromium', CHROMIUM, '18.3 the page', () => {
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    await look({});
  });
  afterEach(() => context.close());

  async function look(options: Parameters<Browser['newContext']>[0]) {
    context = await browser.newContext(options);
    page = await context.newPage();
    complaints = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
  }

  const live = () => page.locator('#state[data-state="live"]').waitFor();

  it('finds one of many, watches its messages, sends, closes; what anybody sent is text', async () => {
    const { url, wsUrl } = await serve();
    const markup = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
    const others = await Promise.all(
      Array.from({ length: 300 }, (_, index) => connect(`${wsUrl}/markets/m${index}`)),
    );
    const client = await connect(`${wsUrl}/markets/needle?q=${encodeURIComponent(markup)}`, {
      headers: { 'User-Agent': markup },
    });
    client.send(`subscribe ${markup}`);
    await page.goto(`${url}/inspector`);
    await live();
    await page.locator('#found', { hasText: '301 in all' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('needle');
    await page.locator('#found', { hasText: '1 of 301' }).waitFor();
    await page.locator('#list tbody button').click();
    await page.locator('ul.topics li', { hasText: markup }).waitFor();
    await page.locator('#connection dd', { hasText: markup }).waitFor();
    client.send(markup);
    client.send('{"a":[1]}');
    await page.locator('ol.messages li', { hasText: `echo ${markup}` }).waitFor();
    await page.locator('#connection select').selectOption('json');
    await page.locator('ol.messages li', { hasText: '"a": [\n    1\n  ]' }).first().waitFor();
    await page.locator('#connection select').selectOption('hex');
    await page.locator('ol.messages li', { hasText: '000000  7b 22 61 22 3a 5b 31 5d 7d' }).first().waitFor();
    await page.locator('#connection input[type=search]').fill('65 63 68 6f');
    expect(await page.locator('ol.messages li:visible').count()).toBe(2);
    await page.locator('#connection textarea').fill('from the page');
    await page.locator('#connection button', { hasText: /^Send$/ }).click();
    for (;;) if ((await client.next()) === 'from the page') break;
    await page.locator('#connection input[maxlength]').fill(markup.slice(0, 60));
    await page.locator('#connection button', { hasText: 'Close the connection' }).click();
    expect(await client.closed).toEqual({ code: 4000, reason: markup.slice(0, 60) });
    await page.locator('#connection', { hasText: 'The connection is gone.' }).waitFor();
    await page.locator('#happenings li[data-kind=close]', { hasText: markup.slice(0, 60) }).waitFor();
    await page.keyboard.press('Escape');
    await page.locator('#connection').waitFor({ state: 'hidden' });
    expect(await page.title()).toBe('WebSocket inspector');
    expect(await page.locator('img, script:not([src])').count()).toBe(0);
    expect(complaints).toEqual([]);
    for (const { socket } of others) socket.terminate();
  });

  it('publishes and drains by its dialogs; an error is shown there', async () => {
    const { url, wsUrl, events } = await serve();
    const client = await connect(`${wsUrl}/markets/1`);
    client.send('subscribe news');
    await events.next('message');
    await page.goto(`${url}/inspector`);
    await page.locator('#servers button', { hasText: 'Publish' }).click();
    await page.locator('dialog input[name=topic]').fill('news');
    await page.locator('dialog textarea').fill('extra');
    await page.locator('dialog button', { hasText: 'Publish' }).click();
    expect(await client.next()).toBe('extra');
    await page.locator('dialog').waitFor({ state: 'hidden' });
    await page.locator('#servers button', { hasText: 'Drain' }).click();
    await page.locator('dialog input[name=seconds]').fill('-4');
    await page.locator('dialog button', { hasText: 'Drain' }).click();
    await page.locator('dialog [role=alert]:visible').waitFor();
    await page.locator('dialog input[name=seconds]').fill('0');
    await page.locator('dialog button', { hasText: 'Drain' }).click();
    expect((await client.closed).code).toBe(4503);
    expect(complaints).toEqual([]);
  });

  it('says that the server is away, and goes on when it is back', async () => {
    const first = await serve();
    await connect(`${first.wsUrl}/markets/1`);
    await page.goto(`${first.url}/inspector`);
    await live();
    await page.locator('#list tbody button').click();
    await first.close();
    await page.locator('#state[data-state="lost"]', { hasText: 'The server is away' }).waitFor();
    const { MarketHandler } = market();
    const again = await startAt(first.port, MarketHandler);
    ends.push(() => again.close());
    await live();
    const client = await connect(`ws://127.0.0.1:${first.port}/markets/2`);
    await page.locator('#found', { hasText: '1 in all' }).waitFor();
    client.send('x');
    await page.locator('#now', { hasText: 'Received/s' }).waitFor();
  });

  async function startAt(port: number, handler: new () => object) {
    const { createApp } = await import('../support/app.js');
    const app = await createApp({
      imports: [WebSocketInspectorModule.forRoot({ insecure: true })],
      providers: [handler],
    });
    await app.listen(port, '127.0.0.1');
    return app;
  }

  it.each([
    ['light', 1280],
    ['dark', 1280],
    ['dark', 360],
  ] as const)(
    'axe finds nothing, and nothing is wider than the page: %s, %i px',
    async (colorScheme, width) => {
      await context.close();
      await look({ colorScheme, viewport: { width, height: 900 } });
      const { url, wsUrl } = await serve();
      await page.goto(`${url}/inspector`);
      await live();
      // What it is without anybody, with somebody, and with a dialog.
      await page.locator('td.empty', { hasText: 'Nobody is connected.' }).waitFor();
      expect(await axe()).toEqual([]);
      const client = await connect(`${wsUrl}/markets/${'long'.repeat(100)}`);
      client.send('throw');
      await page.locator('#happenings li[data-kind=error]').waitFor();
      await page.locator('#list tbody button').click();
      client.send('x'.repeat(2000));
      await page.locator('ol.messages li').first().waitFor();
      expect(await axe()).toEqual([]);
      expect(
        await page.evaluate(
          () =>
            (globalThis as unknown as { document: { documentElement: { scrollWidth: number } } }).document
              .documentElement.scrollWidth,
        ),
      ).toBe(width);
      await page.keyboard.press('Escape');
      await page.locator('#servers button', { hasText: 'Drain' }).click();
      expect(await axe()).toEqual([]);
      expect(complaints).toEqual([]);
    },
  );

  async function axe(): Promise<string[]> {
    await page.evaluate(readFileSync('node_modules/axe-core/axe.min.js', 'utf8'));
    return page.evaluate(async () => {
      const { axe } = globalThis as unknown as {
        axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
      };
      const { violations } = await axe.run();
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
    });
  }
});
