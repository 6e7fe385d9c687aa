import { connectRefused } from '../support/client.js';
import { freePort } from '../support/free-port.js';
import { TestProcess } from '../support/process.js';

it('the market has an inspector, for who knows the password', async () => {
  const port = await freePort();
  const sample = new TestProcess('node', ['dist/sample/inspector/main.js'], {
    env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1', PORT: String(port), CROWD: '10' },
  });
  await sample.line(/^Open http:\/\/localhost:\d+\/inspector/);
  const url = `http://localhost:${port}/inspector`;
  const refused = await fetch(url);
  expect(refused.status).toBe(401);
  expect(refused.headers.get('www-authenticate')).toBe('Basic realm="inspector"');
  expect((await connectRefused(`ws://localhost:${port}/inspector/socket`)).status).toBe(401);
  const headers = { Authorization: `Basic ${Buffer.from('anybody:look').toString('base64')}` };
  expect(await (await fetch(url, { headers })).text()).toContain('<h1>WebSocket inspector</h1>');
  expect(sample.output).not.toMatch(/WARN|ERROR/);
  expect(await sample.stop()).toBe(0);
});
