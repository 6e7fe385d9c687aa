import type { Browser } from 'playwright-core';
import { CHROMIUM, launchBrowser } from '../support/browser.js';
import { connect } from '../support/client.js';
import { freePort } from '../support/free-port.js';
import { TestProcess } from '../support/process.js';
import { describeWith } from '../support/requirement.js';

let server: TestProcess;
let port: number;
beforeAll(async () => {
  port = await freePort();
  server = new TestProcess('node', ['dist/sample/auth/main.js'], {
    env: { ...process.env, NODE_OPTIONS: '', PORT: String(port), ACCESS_SECONDS: '3' },
  });
  await server.line(/^Open http/);
});
afterAll(() => server.stop());

it('without a token the client is told 4401, as the route answers 401', async () => {
  const client = await connect(`ws://127.0.0.1:${port}/clock`);
  expect(await client.closed).toEqual({ code: 4401, reason: 'Please log in' });
  expect((await fetch(`http://127.0.0.1:${port}/me`)).status).toBe(401);
});

it('the token of a login is good for both', async () => {
  const response = await fetch(`http://127.0.0.1:${port}/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: 'Ada', password: 'nest' }),
  });
  const { token } = (await response.json()) as { token: string };
  const headers = { authorization: `Bearer ${token}` };
  expect(await (await fetch(`http://127.0.0.1:${port}/me`, { headers })).json()).toMatchObject({
    name: 'Ada',
  });
  const client = await connect(`ws://127.0.0.1:${port}/clock`, { headers });
  expect(JSON.parse(String(await client.next()))).toMatchObject({
    method: 'tick',
    params: { now: expect.any(String) },
  });
  client.send('{"jsonrpc":"2.0","id":1,"method":"whoAmI"}');
  expect(JSON.parse(String(await client.next()))).toEqual({
    jsonrpc: '2.0',
    id: 1,
    result: { name: 'Ada', expires: expect.any(Number) },
  });
  await client.close();
});

describeWith('chromium', CHROMIUM, 'the auth sample in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  it('a refusal is seen, a wrong password too; a login connects; an expired token is refreshed', async () => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`http://localhost:${port}/`);
    await page.getByText('Refused with 4401: Please log in').waitFor();
    await page.getByLabel('Name').fill('Ada');
    await page.getByLabel('Password').fill('wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('Login: HTTP 401').waitFor();
    await page.getByLabel('Password').fill('nest');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('Hello, Ada.').waitFor();
    await page.getByText('Closed with 4401: The token has expired').first().waitFor();
    await page.getByText('Token refreshed').first().waitFor();
    await page.getByText('Connected').nth(1).waitFor();
    if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/auth.png` });
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('button', { name: 'Log in' }).waitFor();
    await page.context().close();
  });
});
