/** The client in a browser: the one file, imported by a page under a strict Content-Security-Policy (reference 15.1). */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import type { WebSocket } from 'ws';
import { CHROMIUM, launchBrowser } from '../support/browser.js';
import { CLIENT, ClientSite, type ClientPage } from '../support/client-site.js';
import { freePort } from '../support/free-port.js';
import { PlainServer, type PlainServerOptions } from '../support/plain-server.js';
import { ResumingServer } from '../support/resuming-server.js';
import { describeWith } from '../support/requirement.js';

it('bundled for browsers it imports nothing, and names nothing of Node', () => {
  expect(CLIENT).not.toMatch(/\bimport\b|\brequire\b|\bprocess\b|\bBuffer\b/);
  expect(readFileSync('scripts/check-client.mjs', 'utf8')).toContain('LIMIT = 6144');
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
      'nestjs-4d-websocket.v1',
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
      /^chat\.v1, ?nestjs-4d-websocket\.plain, ?nestjs-4d-websocket\.v1\.chat\.v1, ?nestjs-4d-websocket\.v1, ?bearer\.YWJj$/,
    );
    expect(await page.evaluate('ws.protocol')).toBe('chat.v1');
  });

  it('with resume: false a token comes with the one that changes nothing', async () => {
    const server = await startServer();
    await open(server.url, { tokens: ['abc'], resume: false });
    await until("ws.status === 'Connected'");
    expect(server.requests[0]!.headers['sec-websocket-protocol']).toMatch(
      /^nestjs-4d-websocket\.plain, ?bearer\.YWJj$/,
    );
  });

  async function startResuming(options: Parameters<typeof ResumingServer.start>[0] = {}) {
    const server = await ResumingServer.start({
      joined: (peer) => server.subscribe(peer, 'news'),
      ...options,
    });
    ended.push(() => server.kill());
    return server;
  }
  const data = async () => (await log()).filter(({ type }) => type === 'message').map((event) => event.data);

  it('gets what it missed while its line was cut, once and in order', async () => {
    const server = await startResuming();
    await open(server.url, { protocols: ['chat'], tokens: ['abc'] });
    await server.peer(1);
    server.publish('news', '1');
    await until("log.some(({ type }) => type === 'message')");
    server.cut();
    await server.until(() => server.peers.size === 0);
    server.publish('news', Buffer.from('2'));
    server.publish('news', '3');
    await until("log.some(({ type }) => type === 'resume')");
    server.publish('news', '4');
    await until("log.filter(({ type }) => type === 'message').length === 4");
    expect(await data()).toEqual(['1', '2', '3', '4']);
    expect((await log()).find(({ type }) => type === 'resume')).toMatchObject({
      topics: { news: { recovered: true, lost: 0 } },
    });
    await page.evaluate("ws.send('text'); ws.send(new Uint8Array([1, 2])); ws.send(new Blob(['blob']))");
    const peer = await server.peer(2);
    await server.until(() => peer.received.length === 3);
    expect(peer.received).toEqual(['text', Buffer.from([1, 2]), Buffer.from('blob')]);
    expect(await page.evaluate('ws.protocol')).toBe('chat');
  });

  it('gets what it missed while its page was loaded anew', async () => {
    const server = await startResuming();
    await open(server.url, { resume: 'session' });
    await server.peer(1);
    server.publish('news', '1');
    server.publish('news', '2');
    await until("log.filter(({ type }) => type === 'message').length === 2");
    await page.evaluate('void location.reload()');
    await server.until(() => server.peers.size === 0);
    server.publish('news', '3');
    await until('!!window.open4d');
    await open(server.url, { resume: 'session' });
    await until("log.some(({ type }) => type === 'resume')");
    expect(await data()).toEqual(['3']);
    const peer = await server.peer(2);
    expect([peer.ids, peer.positions]).toEqual([[1], [['news', expect.any(String), 2]]]);
  });

  it('what came just before the page went is written as it goes', async () => {
    const server = await startResuming();
    await open(server.url, { resume: 'session' });
    await server.peer(1);
    await until("ws.status === 'Connected'");
    // No timer of the page runs any more, as in one that is hidden.
    await page.evaluate('window.setTimeout = () => 0');
    server.publish('news', '1');
    await until("log.some(({ type }) => type === 'message')");
    await client.reload();
    await open(server.url, { resume: 'session' });
    expect((await server.peer(2)).positions).toEqual([['news', expect.any(String), 1]]);
  });

  it('without a storage a page that is loaded anew begins anew', async () => {
    const server = await startResuming();
    await open(server.url);
    await server.peer(1);
    await until("ws.status === 'Connected'");
    await client.reload();
    await open(server.url);
    expect((await server.peer(2)).positions).toEqual([]);
  });

  it('notices a server that is silent by the heartbeat that it promised; one that keeps it is not left', async () => {
    const server = await startResuming({ heartbeat: 50 });
    await open(server.url, { heartbeat: { timeout: 200 } });
    await server.peer(1);
    await page.evaluate('new Promise((resolve) => setTimeout(resolve, 700))');
    expect(await types()).toEqual(['open']);
    server.silence();
    await until("log.some(({ type }) => type === 'disconnect')");
    expect((await log())[1]).toMatchObject({
      type: 'error',
      errors: [{ errCode: 1006, message: 'The server does not answer' }],
    });
    const second = await server.peer(2);
    expect(second.ids).toEqual([1]);
  });

  it('a server that promises no heartbeat may be silent, and so may any with heartbeat: false', async () => {
    const quiet = await startResuming();
    await open(quiet.url, { heartbeat: { timeout: 50 } });
    await quiet.peer(1);
    const silent = await startResuming({ heartbeat: 50 });
    await page.evaluate('window.first = log');
    await open(silent.url, { heartbeat: false });
    await silent.peer(1);
    silent.silence();
    await page.evaluate('new Promise((resolve) => setTimeout(resolve, 400))');
    expect(await page.evaluate('[first, log].map((all) => all.map(({ type }) => type))')).toEqual([
      ['open'],
      ['open'],
    ]);
  });

  it('does not send what waited to a server that refuses by a close frame', async () => {
    let refusals = 0;
    const resuming = await startResuming({ refuses: () => (refusals++ < 5 ? 4503 : undefined) });
    await open(resuming.url);
    await page.evaluate("ws.send('one'); ws.send('two')");
    const peer = await resuming.peer(1);
    await resuming.until(() => peer.received.length === 2);
    expect(refusals).toBe(6);
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
    expect(await page.evaluate('signals.map(({ aborted }) => aborted)')).toEqual([
      false,
      false,
      false,
      false,
    ]);
    await page.evaluate('ws.terminate()');
    await until("ws.status === 'Closed'");
    const before = await log();
    await page.evaluate(`for (const type of ['online', 'offline']) dispatchEvent(new Event(type));
      document.dispatchEvent(new Event('visibilitychange'));`);
    expect(await page.evaluate('new Promise((resolve) => setTimeout(() => resolve(ws.status), 50))')).toBe(
      'Closed',
    );
    expect(await log()).toEqual(before);
    expect(await page.evaluate('signals.map(({ aborted }) => aborted)')).toEqual([true, true, true, true]);
    expect(server.requests).toHaveLength(1);
  });
});
