import type { Browser } from 'playwright-core';
import { CHROMIUM, launchBrowser } from '../support/browser.js';
import { joinChat, lines, say } from '../support/chat-page.js';
import { connect, connectRefused } from '../support/client.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { freePort } from '../support/free-port.js';
import { until } from '../support/instances.js';
import { TestProcess } from '../support/process.js';
import { Random } from '../support/random.js';
import { describeWith } from '../support/requirement.js';

let server: TestProcess;
let port: number;

async function startServer() {
  server = new TestProcess('node', ['dist/sample/chat/main.js'], {
    env: { ...process.env, NODE_OPTIONS: '', PORT: String(port) },
  });
  await server.line(/^Open http/);
}

beforeAll(async () => {
  port = await freePort();
  await startServer();
});
afterAll(() => server.stop());

describe('the chat’s server', () => {
  const url = (name: string) => `ws://127.0.0.1:${port}/chat?name=${encodeURIComponent(name)}`;

  it('refuses names that are taken or malformed', async () => {
    const ada = await connect(url('Ada'));
    expect(await connectRefused(url('Ada'))).toMatchObject({
      status: 409,
      json: { message: 'Ada is in the room already' },
    });
    expect(await connectRefused(url('<b>'))).toMatchObject({ status: 400 });
    expect(await connectRefused(`ws://127.0.0.1:${port}/chat`)).toMatchObject({ status: 400 });
    await ada.close();
  });

  it('survives what is no message of the contract', async () => {
    const client = await connect(url('Mallory'));
    expect(JSON.parse(String(await client.next()))).toMatchObject({ method: 'joined' });
    const say = (params: unknown) => JSON.stringify({ jsonrpc: '2.0', method: 'say', params });
    for (const params of [{ text: 12, id: '1' }, { text: '  ', id: '2' }, { text: 'no id' }, [], undefined])
      client.send(say(params));
    client.send('{"jsonrpc":"2.0","method":"shout","params":{"text":"hello","id":"3"}}');
    for (const nonsense of ['not json', 'null', '{"text":"hello"}']) {
      client.send(nonsense);
      expect(JSON.parse(String(await client.next()))).toMatchObject({ id: null, error: {} });
    }
    client.send(say({ text: ' hello ', id: '4' }));
    expect(JSON.parse(String(await client.next()))).toMatchObject({
      method: 'said',
      params: { id: '4', name: 'Mallory', text: 'hello' },
    });
    await client.close();
  });
});

describeWith('chromium', CHROMIUM, 'the chat in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  const join = (name: string, viewport?: { width: number; height: number }) =>
    joinChat(browser, `http://localhost:${port}/`, name, viewport);

  it('two pages talk; what users type shows as text; join and leave are noticed', async () => {
    const ada = await join('Ada');
    const grace = await join('Grace', { width: 390, height: 800 });
    await ada.getByText('Grace joined').waitFor();
    await say(ada, 'Hello Grace');
    await grace.getByText('Hello Grace').waitFor();
    const attack = '<script>window.hacked = true</script><img src=x onerror="window.hacked = true">';
    await say(grace, attack);
    await ada.getByText(attack).waitFor();
    expect(await ada.evaluate('window.hacked')).toBeUndefined();
    expect(await ada.locator('#messages script, #messages img').count()).toBe(0);
    expect(await ada.locator('#online li').allInnerTexts()).toEqual([
      expect.stringContaining('Ada (you)'),
      expect.stringContaining('Grace'),
    ]);
    if (process.env.SCREENSHOTS) {
      await ada.screenshot({ path: `${process.env.SCREENSHOTS}/chat.png` });
      await grace.screenshot({ path: `${process.env.SCREENSHOTS}/chat-phone.png` });
    }
    expect(await grace.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    await grace.context().close();
    await ada.getByText('Grace left').waitFor();
    await ada.context().close();
  });

  it('a reload reconnects with the same name; a restart of the server is survived', async () => {
    const page = await join('Linus');
    await page.reload();
    await page.getByText('Connected').waitFor();
    expect(await page.getByRole('textbox', { name: 'Message' }).isVisible()).toBe(true);
    expect(await server.stop()).toBe(0);
    await page.getByText('Connection lost').waitFor();
    await startServer();
    await page.getByText('Connected').waitFor();
    await say(page, 'back again');
    await page.getByText('back again').waitFor();
    await page.context().close();
  });

  it('the server is killed while two people talk: nobody touches anything, and the conversation goes on', async () => {
    const [ada, grace] = [await join('Ada'), await join('Grace')];
    await say(ada, 'before');
    await grace.getByText('before').waitFor();
    await server.stop('SIGKILL');
    for (const page of [ada, grace]) await page.getByText('Connection lost').waitFor();
    // What is said meanwhile waits in the page.
    await say(ada, 'while nobody listened');
    await startServer();
    for (const page of [ada, grace]) await page.getByText('Connected').waitFor();
    await ada.getByText('while nobody listened').waitFor();
    await say(grace, 'and after');
    await ada.getByText('and after').waitFor();
    for (const page of [ada, grace]) {
      await page.getByText('and after').waitFor();
      expect((await lines(page)).slice(-3)).toEqual(['before', 'while nobody listened', 'and after']);
    }
    await ada.context().close();
    await grace.context().close();
  });

  it('the line of one is cut while both talk: nothing is missing, and who joins sees the last 50 lines', async () => {
    const proxy = await CuttingProxy.start(new Random(1), [port], 4_000);
    const ada = await joinChat(browser, `http://localhost:${proxy.port}/`, 'Ada');
    const grace = await join('Grace');
    await say(grace, 'can you hear me?');
    await ada.getByText('can you hear me?').waitFor();
    proxy.goDown();
    await ada.getByText('Connection lost').waitFor();
    await say(grace, 'while she was away');
    await grace.getByText('while she was away').waitFor();
    await say(ada, 'into the void');
    proxy.isDown = false;
    await ada.getByText('into the void').waitFor();
    const before = await lines(ada);
    expect(before.slice(-3)).toEqual(['can you hear me?', 'while she was away', 'into the void']);
    // From now on in the midst of whatever is said.
    proxy.cut();
    const said: string[] = [];
    for (let number = 1; number <= 30; number++) {
      said.push(`Ada ${number}.`, `Grace ${number}.`);
      await say(ada, `Ada ${number}.`);
      await say(grace, `Grace ${number}.`);
    }
    proxy.rest();
    for (const page of [ada, grace]) await page.getByText('Ada 30.').waitFor();
    await until(async () => (await lines(ada)).length >= before.length + said.length);
    expect(proxy.cuts).toBeGreaterThan(0);
    expect((await lines(ada)).slice(before.length).toSorted()).toEqual(said.toSorted());
    expect(await lines(ada)).toEqual((await lines(grace)).slice(-before.length - said.length));
    expect(await ada.getByText('Lines may be missing').count()).toBe(0);
    const linus = await join('Linus');
    const all = await lines(grace);
    await until(async () => (await lines(linus)).includes(all.at(-1)!));
    // On a slow machine a line is said again before it is seen; that takes a place among the 50, and is shown once.
    const shown = await lines(linus);
    expect(all).toEqual(expect.arrayContaining(shown));
    expect(shown).toEqual(expect.arrayContaining(all.slice(-20)));
    expect(shown.length).toBeLessThanOrEqual(50);
    for (const page of [ada, grace, linus]) await page.context().close();
    await proxy.close();
  });

  it('a taken name is told, and another may be picked', async () => {
    const first = await join('Dup');
    const page = await (await browser.newContext()).newPage();
    await page.goto(`http://localhost:${port}/`);
    await page.getByLabel('Name').fill('Dup');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'Dup' }).waitFor();
    await page.getByLabel('Name').fill('Other');
    await page.keyboard.press('Enter');
    await page.getByText('Connected').waitFor();
    await page.context().close();
    await first.context().close();
  });
});
