import type { Browser } from 'playwright-core';
import { existsSync } from 'node:fs';
import { NGINX } from '../support/nginx.js';
import { REDIS } from '../support/brokers.js';
import { CHROMIUM, launchBrowser } from '../support/browser.js';
import { joinChat, say } from '../support/chat-page.js';
import { freePort } from '../support/free-port.js';
import { TestProcess } from '../support/process.js';
import { describeWith } from '../support/requirement.js';

const missing = [CHROMIUM, NGINX, REDIS].find((path) => !existsSync(path)) ?? CHROMIUM;

describeWith('chromium, nginx-light and redis-server', missing, 'the chat on two instances', () => {
  let browser: Browser;
  let script: TestProcess;
  let port: number;
  beforeAll(async () => {
    port = await freePort();
    const [redis, one, two] = [await freePort(), await freePort(), await freePort()];
    script = new TestProcess('sample/cluster/run.sh', [], {
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        NO_COLOR: '1',
        PORT: String(port),
        REDIS_PORT: String(redis),
        APP_1_PORT: String(one),
        APP_2_PORT: String(two),
      },
    });
    await script.line(/^Open http/);
    browser = await launchBrowser();
  }, 30_000);
  afterAll(async () => {
    await browser?.close();
    expect(await script.stop()).toBe(0);
  });

  const join = (name: string) => joinChat(browser, `http://localhost:${port}/`, name);
  /** Which instance somebody joined. */
  async function instanceOf(name: string): Promise<string> {
    return (await script.line(new RegExp(`\\[Instance (\\d)\\] ${name} joined`)))[1]!;
  }

  it('two browsers on two instances chat; when one instance is killed its people come back on the other', async () => {
    const ada = await join('Ada');
    const grace = await join('Grace');
    expect(await instanceOf('Ada')).not.toBe(await instanceOf('Grace'));
    await ada.getByText('Grace joined').waitFor();
    await say(ada, 'Hello from here');
    await grace.getByText('Hello from here').waitFor();
    await say(grace, 'Hello from there');
    await ada.getByText('Hello from there').waitFor();
    expect(await ada.locator('#online li').allInnerTexts()).toEqual([
      expect.stringContaining('Ada (you)'),
      expect.stringContaining('Grace'),
    ]);
    if (process.env.SCREENSHOTS) {
      await ada.screenshot({ path: `${process.env.SCREENSHOTS}/cluster-ada.png` });
      await grace.screenshot({ path: `${process.env.SCREENSHOTS}/cluster-grace.png` });
    }

    const instance = await instanceOf('Grace');
    const pid = Number((await script.line(new RegExp(`^Instance ${instance} \\(process (\\d+)\\)`)))[1]);
    process.kill(pid, 'SIGKILL');
    await grace.getByText('Connection lost').waitFor();
    await say(ada, 'Are you there?');
    await ada.getByText('Are you there?').waitFor();
    // Her name is hers again when the instance that died has not said otherwise for a while.
    await grace.getByText('Connected', { exact: true }).waitFor({ timeout: 40_000 });
    await say(grace, 'Back again');
    await ada.getByText('Back again').waitFor();
    await ada.context().close();
    await grace.context().close();
  }, 90_000);
});
