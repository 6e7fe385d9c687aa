/** Reference 6.3: what leaves together. */
import { once } from 'node:events';
import { closeApps } from '../support/app.js';
import { connect } from '../support/client.js';
import { serveConnections } from '../support/connection-app.js';
import { countWrites } from '../support/count-writes.js';

afterEach(closeApps);

describe('6.3 write coalescing', () => {
  it.each([
    ['short', 50, 100],
    ['long', 50, 20_000],
    ['one', 1, 10],
  ])('all sends of one turn leave in one write, in order (%s messages)', async (_what, count, length) => {
    const { wsUrl, nextConnection } = await serveConnections({});
    const client = await connect(wsUrl);
    const ws = await nextConnection();
    const writes = countWrites(ws.request.raw.socket);
    for (let index = 0; index < count; index++) {
      if (index % 2) ws.send(`${index} `.padEnd(length));
      else ws.send(Buffer.from(`${index} `.padEnd(length)));
    }
    expect(writes.count).toBe(0);
    const received = await client.take(count);
    expect(received.map((message) => parseInt(String(message), 10))).toEqual(
      Array.from({ length: count }, (_, index) => index),
    );
    expect(writes.count).toBe(1);
  });

  it('sends of promises that settle in the turn are part of it; a close frame leaves with them', async () => {
    const { wsUrl, nextConnection } = await serveConnections({});
    const client = await connect(wsUrl);
    const ws = await nextConnection();
    const writes = countWrites(ws.request.raw.socket);
    ws.send('1');
    await Promise.resolve();
    ws.send('2');
    await new Promise((resolve) => process.nextTick(resolve));
    ws.send('3');
    expect(writes.count).toBe(0);
    expect(await client.take(3)).toEqual(['1', '2', '3']);
    expect(writes.count).toBe(1);
  });

  it('a send before a long synchronous task leaves right after it', async () => {
    const { wsUrl, nextConnection } = await serveConnections({});
    const client = await connect(wsUrl);
    const ws = await nextConnection();
    ws.send('x');
    for (const started = performance.now(); performance.now() - started < 50;);
    expect(ws.bufferedAmount).toBeGreaterThan(0);
    await once(client.socket, 'message');
  });
});
