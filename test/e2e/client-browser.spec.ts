/** The client in a browser: the one file, imported by a page under a strict Content-Security-Policy (reference 15.1). */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import type { WebSocket } from 'ws';
import { CHROMIUM, launchBrowser } from '../support/browser.js';
import { CLIENT, ClientSite, type ClientPage } from '../support/client-site.js';
import { freePort } from '../support/free-port.js';
import { PlainServer, type PlainServerOptions } from '../support/plain-server.js';
import { describeWith } from '../support/requirement.js';

it('bundled for browsers it imports nothing, and names nothing of Node', () => {
  expect(CLIENT).not.toMatch(/\bimport\b|\brequire\b|\bprocess\b|\bBuffer\b/);
  expect(readFileSync('scripts/check-client.mjs', 'utf8')).toContain('LIMIT = 4096');
});

describeWith('chromium', CHROMIUM, 'in a browser', () => {
  let browser: Browser;
  let site: ClientSite;
  let client: ClientPage;
  let page: Page;
  const ended: (() => unknown)[] = [];

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
    ({ page } = client);
  });
  afterEach(async () => {
    await client.close();
    for (const end of ended.splice(0)) await end();
    expect(client.violations).toEqual([]);
  });

  async function startServer(options?: PlainServerOptions) {
    const server = await PlainServer.start(options);
    ended.push(() => server.kill());
    return server;
  }
  const open = (url: string, options?: object) => client.connect(url, options);
  const until = (condition: string) => client.until(condition);
  const log = () => client.log();
  const types = () => client.types();

  it('sends by type in order, and decodes by dataType', async () => {
    const server = await startServer({
      serve(socket) {
        socket.send('text');
        socket.send(Buffer.from([1, 2]));
      },
    });
    await open(server.url, { dataType: 'blob' });
    await page.evaluate(`
      ws.send('a'); ws.send(new Blob(['b'])); ws.send(new Uint8Array([1, 2, 3]).subarray(1)); ws.send({ d: 1 });`);
    await server.until(() => server.received.length === 4);
    expect(server.received).toEqual(['a', '<62>', '<0203>', '{"d":1}']);
    await until('log.length === 3');
    expect(await log()).toMatchObject([
      { type: 'open', reconnected: false },
      { type: 'message', data: ['bytes', ...Buffer.from('text')], isBinary: false },
      { type: 'message', data: ['bytes', 1, 2], isBinary: true },
    ]);
    await page.evaluate('ws.drain()');
    await page.evaluate("ws.terminate(4000, 'bye')");
    await until("ws.status === 'Closed'");
    expect((await log()).at(-1)).toMatchObject({ type: 'terminate', code: 4000 });
  });

  it('a server that goes and comes back gets what was sent meanwhile', async () => {
    const port = await freePort();
    const first = await PlainServer.start({ port });
    await open(first.url);
    await until("ws.status === 'Connected'");
    await first.kill();
    await until("ws.status === 'Connecting'");
    await page.evaluate('for (let index = 0; index < 50; index++) ws.send(String(index))');
    const second = await startServer({ port });
    await second.until(() => second.received.length === 50);
    expect(second.received).toEqual(Array.from({ length: 50 }, (_, index) => String(index)));
    expect((await log()).at(-1)).toMatchObject({ type: 'open', reconnected: true });
  });

  it.each([
    [4403, false],
    [1008, false],
    [1011, true],
    [4503, true],
  ])('after close code %i: another attempt: %p', async (code, reconnects) => {
    const server = await startServer({ serve: (socket) => socket.close(code, 'because') });
    await open(server.url, { reconnect: { minDelay: 1, maxDelay: 5, maxAttempts: 1 } });
    await until("ws.status === 'Closed'");
    expect(await types()).toEqual(
      reconnects ? ['open', 'disconnect', 'open', 'terminate'] : ['open', 'terminate'],
    );
    expect((await log()).at(-1)).toMatchObject({ code, reason: 'because' });
  });

  it('a refusal is a connection that could not be had', async () => {
    const server = await startServer({ refuse: () => ({ status: 403 }) });
    await open(server.url, { reconnect: { minDelay: 1, maxDelay: 5, maxAttempts: 1 } });
    await until("ws.status === 'Closed'");
    expect(await types()).toEqual(['error', 'disconnect', 'error', 'terminate']);
    expect((await log()).at(-1)).toMatchObject({ code: 1006 });
  });

  it('binary data that is not UTF-8 ends a text client', async () => {
    const server = await startServer({ serve: (socket) => socket.send(Buffer.from([0xff])) });
    await open(server.url);
    await until("ws.status === 'Closed'");
    expect(await types()).toEqual(['open', 'error', 'terminate']);
    expect((await log()).at(-1)).toMatchObject({ code: 1007 });
    await Promise.all([...server.clients].map((socket: WebSocket) => once(socket, 'close')));
  });

  it('a token is a sub-protocol, the last one, and never what the server is asked to choose', async () => {
    const server = await startServer();
    const token = 'pä$$word?>';
    await open(server.url, { tokens: [token] });
    await until("ws.status === 'Connected'");
    const offered = server.requests[0]!.headers['sec-websocket-protocol']!.split(/, ?/);
    expect(offered).toEqual([
      'nestjs-4d-websocket.plain',
      `bearer.${Buffer.from(token).toString('base64url')}`,
    ]);
    expect(await page.evaluate('ws.protocol')).toBe('');
    expect(server.requests[0]!.url).toBe('/');
  });

  it('the application’s protocol comes before those of a token', async () => {
    const server = await startServer();
    await open(server.url, { tokens: ['abc'], protocols: ['chat.v1'] });
    await until("ws.status === 'Connected'");
    expect(server.requests[0]!.headers['sec-websocket-protocol']).toMatch(
      /^chat\.v1, ?nestjs-4d-websocket\.plain, ?bearer\.YWJj$/,
    );
    expect(await page.evaluate('ws.protocol')).toBe('chat.v1');
  });

  it('headers are a TypeError that says what to use instead', async () => {
    expect(
      await page.evaluate(
        `try { open4d('ws://127.0.0.1', { headers: { a: 'b' } }) } catch (error) { String(error) }`,
      ),
    ).toMatch(/^TypeError: .*"headers".*"token"/);
  });

  const WAITING = { reconnect: { minDelay: 3_600_000, maxDelay: 3_600_000 } };

  it('an attempt is made at once when the network is back', async () => {
    const port = await freePort();
    const first = await PlainServer.start({ port });
    await open(first.url, WAITING);
    await until("ws.status === 'Connected'");
    await page.context().setOffline(true);
    await until("log.some(({ type }) => type === 'disconnect')");
    expect((await log())[1]).toMatchObject({
      type: 'error',
      errors: [{ errCode: 1006, message: 'The network was lost' }],
    });
    expect(await page.evaluate('ws.status')).toBe('Connecting');
    await page.context().setOffline(false);
    await until("ws.status === 'Connected'");
    await first.kill();
  });

  it('an attempt is made at once when the page becomes visible again, and none when it is hidden', async () => {
    const port = await freePort();
    const first = await PlainServer.start({ port });
    await open(first.url, WAITING);
    await until("ws.status === 'Connected'");
    await first.kill();
    await until("log.some(({ type }) => type === 'disconnect')");
    const second = await startServer({ port });
    const show = (state: string) =>
      page.evaluate(`
        Object.defineProperty(document, 'visibilityState', { value: '${state}', configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));`);
    await show('hidden');
    expect(await page.evaluate('new Promise((resolve) => setTimeout(() => resolve(log.length), 100))')).toBe(
      (await log()).length,
    );
    expect(second.requests).toHaveLength(0);
    await show('visible');
    await until("ws.status === 'Connected'");
  });

  it('after terminate nothing is left of it: events of the page move nothing', async () => {
    const server = await startServer();
    await page.evaluate(`
      window.signals = [];
      for (const target of [window, document]) {
        const add = target.addEventListener;
        target.addEventListener = (type, listener, options) => {
          signals.push(options.signal);
          add.call(target, type, listener, options);
        };
      }`);
    await open(server.url, WAITING);
    await until("ws.status === 'Connected'");
    expect(await page.evaluate('signals.map(({ aborted }) => aborted)')).toEqual([false, false, false]);
    await page.evaluate('ws.terminate()');
    await until("ws.status === 'Closed'");
    const before = await log();
    await page.evaluate(`for (const type of ['online', 'offline']) dispatchEvent(new Event(type));
      document.dispatchEvent(new Event('visibilitychange'));`);
    expect(await page.evaluate('new Promise((resolve) => setTimeout(() => resolve(ws.status), 50))')).toBe(
      'Closed',
    );
    expect(await log()).toEqual(before);
    expect(await page.evaluate('signals.map(({ aborted }) => aborted)')).toEqual([true, true, true]);
    expect(server.requests).toHaveLength(1);
  });
});
