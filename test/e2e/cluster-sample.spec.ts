import { Redis } from 'ioredis';
import type { Browser } from 'playwright-core';
import { existsSync } from 'node:fs';
import { NGINX } from '../support/nginx.js';
import { REDIS } from '../support/brokers.js';
import { CHROMIUM, launchBrowser } from '../support/browser.js';
import { joinChat, lines, say } from '../support/chat-page.js';
import { until } from '../support/instances.js';
import { freePort } from '../support/free-port.js';
import { TestProcess } from '../support/process.js';
import { describeWith } from '../support/requirement.js';

const missing = [CHROMIUM, NGINX, REDIS].find((path) => !existsSync(path)) ?? CHROMIUM;

describeWith('chromium, nginx-light and redis-server', missing, 'the chat on two instances', () => {
  let browser: Browser;
  let script: TestProcess;
  let port: number;
  let redisPort: number;
  beforeAll(async () => {
    port = await freePort();
    const [one, two] = [await freePort(), await freePort()];
    redisPort = await freePort();
    script = new TestProcess('sample/cluster/run.sh', [], {
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        NO_COLOR: '1',
        PORT: String(port),
        REDIS_PORT: String(redisPort),
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

  it('two browsers on two instances chat; an instance is killed, then Redis: nothing is missing on either', async () => {
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

    // A worker tells the time.
    const clock = ada.locator('#clock');
    const time = await clock.innerText();
    expect(time).not.toBe('');
    await until(async () => (await clock.innerText()) !== time);

    const instance = await instanceOf('Grace');
    const pid = Number((await script.line(new RegExp(`^Instance ${instance} \\(process (\\d+)\\)`)))[1]);
    process.kill(pid, 'SIGKILL');
    await grace.getByText('Connection lost').waitFor();
    await say(ada, 'Are you there?');
    await ada.getByText('Are you there?').waitFor();
    // What she says meanwhile is said when she is back.
    await say(grace, 'Not yet');
    // Her name is hers again when the instance that died has not said otherwise for a while.
    await grace.getByText('Connected', { exact: true }).waitFor({ timeout: 40_000 });
    await ada.getByText('Not yet').waitFor();
    await grace.getByText('Not yet').waitFor();
    const said = ['Hello from here', 'Hello from there', 'Are you there?', 'Not yet'];
    for (const page of [ada, grace]) expect(await lines(page)).toEqual(said);

    // Redis dies while both talk, and is started again.
    const redis = new Redis(redisPort);
    const redisPid = Number(/process_id:(\d+)/.exec(await redis.info('server'))![1]);
    redis.disconnect();
    for (let number = 1; number <= 20; number++) {
      if (number === 5) process.kill(redisPid, 'SIGKILL');
      for (const [page, name] of [
        [ada, 'Ada'],
        [grace, 'Grace'],
      ] as const) {
        said.push(`${name} ${number}.`);
        await say(page, `${name} ${number}.`);
      }
    }
    for (const page of [ada, grace]) {
      await until(async () => (await lines(page)).length >= said.length);
      expect((await lines(page)).toSorted()).toEqual(said.toSorted());
      expect(await page.getByText('Lines may be missing').count()).toBe(0);
    }
    expect(await lines(ada)).toEqual(await lines(grace));
    // Who joins now sees them, too.
    const linus = await join('Linus');
    await until(async () => (await lines(linus)).length >= said.length);
    expect((await lines(linus)).slice(0, 4)).toEqual(said.slice(0, 4));
    await linus.context().close();
    await ada.context().close();
    await grace.context().close();
  }, 90_000);
});
