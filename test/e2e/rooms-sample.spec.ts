import type { Browser, Page } from 'playwright-core';
import { CHROMIUM, launchBrowser } from '../support/browser.js';
import { connect, connectRefused } from '../support/client.js';
import { freePort } from '../support/free-port.js';
import { TestProcess } from '../support/process.js';
import { describeWith } from '../support/requirement.js';

let server: TestProcess;
let port: number;
async function startServer() {
  server = new TestProcess('node', ['dist/sample/rooms/main.js'], {
    env: { ...process.env, NODE_OPTIONS: '', PORT: String(port) },
  });
  await server.line(/^Open http/);
}

beforeAll(async () => {
  port = await freePort();
  await startServer();
});
afterAll(() => server.stop());

it('the path parameter and each kind of message are validated', async () => {
  expect(await connectRefused(`ws://127.0.0.1:${port}/rooms/red`)).toMatchObject({ status: 400 });
  expect(await connectRefused(`ws://127.0.0.1:${port}/rooms/100`)).toMatchObject({ status: 403 });
  const client = await connect(`ws://127.0.0.1:${port}/rooms/7`);
  const next = async () => JSON.parse(String(await client.next())) as object;
  const call = (id: number, method: string, params: object) => {
    client.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    return next();
  };
  expect(await next()).toMatchObject({ method: 'welcome', params: { room: '7' } });
  expect(await call(1, 'pick', { colour: 'pink-ish' })).toEqual({
    jsonrpc: '2.0',
    id: 1,
    error: {
      code: -32602,
      message: 'Invalid params',
      data: [{ message: 'A colour has six hexadecimal digits', path: ['colour'] }],
    },
  });
  expect(await call(2, 'dance', {})).toMatchObject({ id: 2, error: { code: -32601 } });
  expect(await call(3, 'pick', { colour: '#ff0000' })).toEqual({ jsonrpc: '2.0', id: 3, result: null });
  const answers = [await call(4, 'place', { text: 'hi', left: 1, top: 2 }), await next()];
  expect(answers).toEqual([
    expect.objectContaining({
      method: 'placed',
      params: { by: expect.any(Number), text: 'hi', left: 1, top: 2, colour: '#ff0000' },
    }),
    { jsonrpc: '2.0', id: 4, result: null },
  ]);
  await client.close();
});

describeWith('chromium', CHROMIUM, 'the rooms sample in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  const open = async (room: string) => {
    const page = await (await browser.newContext({ viewport: { width: 800, height: 500 } })).newPage();
    await page.goto(`http://localhost:${port}/`);
    await page.getByLabel('Room').selectOption(room);
    await page.getByText(`in room ${room}`).waitFor();
    return page;
  };
  const put = async (page: Page, text: string) => {
    await page.getByRole('textbox', { name: 'Note' }).fill(text);
    await page.getByRole('button', { name: 'Put it anywhere' }).click();
  };

  it('a note appears for all in the room, and for nobody else; a mistake is explained', async () => {
    const [ada, grace, other] = [await open('2'), await open('2'), await open('3')];
    await put(ada, 'Buy <b>milk</b>');
    await grace.getByText('Buy <b>milk</b>').waitFor();
    await put(grace, 'And bread');
    await ada.getByText('And bread').waitFor();
    await put(ada, '');
    await ada.getByRole('alert').filter({ hasText: 'Write something first' }).waitFor();
    if (process.env.SCREENSHOTS) await ada.screenshot({ path: `${process.env.SCREENSHOTS}/rooms.png` });
    expect(await other.locator('.note').count()).toBe(0);
    await ada.getByRole('button', { name: 'Clear mine' }).click();
    await grace.getByText('Buy <b>milk</b>').waitFor({ state: 'detached' });
    expect(await grace.locator('.note').allInnerTexts()).toEqual(['And bread']);
  });

  it('the server is killed and comes back: nobody touches anything, and both are in their room again', async () => {
    const [ada, grace] = [await open('2'), await open('2')];
    await put(ada, 'before');
    await grace.getByText('before').waitFor();
    await server.stop('SIGKILL');
    for (const page of [ada, grace]) await page.getByText('in room 2').waitFor({ state: 'hidden' });
    await startServer();
    for (const page of [ada, grace]) await page.getByText('in room 2').waitFor();
    await put(ada, 'after');
    await grace.getByText('after').waitFor();
    await put(grace, 'and after that');
    await ada.getByText('and after that').waitFor();
    await ada.context().close();
    await grace.context().close();
  }, 60_000);
});
