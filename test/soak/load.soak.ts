import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { FixtureProcess } from '../support/fixture.js';
import { clientFrame, connectRaw, type RawClient } from '../support/raw-client.js';
import { report } from './report.js';

interface Stats {
  opened: number;
  terminated: number;
  handled: number;
  outOfOrder: number;
  heapUsed: number;
  external: number;
  rss: number;
  problems: string[];
  errors: Record<string, number>;
  codes: Record<string, number>;
  connections: Record<string, number>;
}

let server: FixtureProcess;
beforeEach(async () => {
  server = await FixtureProcess.start('test/soak/fixture/server.ts');
});
afterEach(() => server.stop());

const megabytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MB`;

async function connectMany(path: string, count: number, turn = 250): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  while (clients.length < count) {
    const batch = Math.min(turn, count - clients.length);
    clients.push(...(await Promise.all(Array.from({ length: batch }, () => connectRaw(server.port, path)))));
  }
  return clients;
}

/** Waits until the server has seen what it must see. */
async function until(condition: (stats: Stats) => boolean): Promise<Stats> {
  for (;;) {
    const stats = await server.call<Stats>('stats');
    if (condition(stats)) return stats;
  }
}

it('5,000 connections, each sends 20 numbered messages to an async echo: every reply, in order, none twice', async () => {
  const COUNT = 5000;
  const clients = await connectMany('/async-echo', COUNT);
  const started = performance.now();
  await Promise.all(
    clients.map(async (client, number) => {
      for (let index = 0; index < 20; index++) client.write(clientFrame(1, `${number}:${index}`));
      for (let index = 0; index < 20; index++) {
        expect((await client.frame()).payload.toString()).toBe(`${number}:${index}`);
      }
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  const stats = await server.call<Stats>('stats');
  expect(stats).toMatchObject({
    handled: COUNT * 20,
    problems: [],
    errors: {},
    connections: { '/async-echo': COUNT },
  });
  for (const { socket } of clients) socket.destroy();
  const end = await until(({ terminated }) => terminated === COUNT);
  expect(end.problems).toEqual([]);
  report(
    '5,000 connections × 20 messages, async echo',
    `${COUNT * 20} replies, all in order, in ${seconds.toFixed(1)} s`,
  );
});

it('100,000 connections opened and closed in turns of 500: the heap comes back', async () => {
  const TURN = 500;
  const TOTAL = 100_000;
  const WARM = 10_000;
  let warm = 0;
  for (let done = 0; done < TOTAL; done += TURN) {
    if (done === WARM) warm = (await until(({ terminated }) => terminated === WARM)).heapUsed;
    const clients = await connectMany('/echo', TURN, TURN);
    await Promise.all(
      clients.map(async (client, index) => {
        if (index % 2 === 0) {
          client.socket.resetAndDestroy();
        } else {
          client.write(clientFrame(8, Buffer.from([0x03, 0xe8])));
        }
        await client.closed;
      }),
    );
  }
  const stats = await until(({ terminated }) => terminated >= TOTAL);
  expect(stats).toMatchObject({
    opened: TOTAL,
    terminated: TOTAL,
    connections: { '/echo': 0 },
    problems: [],
  });
  const growth = stats.heapUsed / warm - 1;
  expect(growth).toBeLessThan(0.05);
  report(
    '100,000 connections opened and closed, half reset',
    `heap ${megabytes(warm)} after 10,000, ${megabytes(stats.heapUsed)} after 100,000 (${(growth * 100).toFixed(1)} %); ` +
      `${stats.terminated} onTerminate; codes ${JSON.stringify(stats.codes)}`,
  );
});

it('a flood of 200,000 messages at a handler that takes 1 ms: memory is bounded, all are handled in order', async () => {
  const CLIENTS = 20;
  const EACH = 10_000;
  const before = await server.call<Stats>('stats');
  const clients = await connectMany('/slow', CLIENTS);
  let peak = 0;
  let watching = true;
  const watch = (async () => {
    while (watching) {
      const { heapUsed, external } = await server.call<Stats>('memory');
      peak = Math.max(peak, heapUsed + external);
      await delay(50);
    }
  })();
  const started = performance.now();
  await Promise.all(
    clients.map(async ({ socket }) => {
      for (let index = 0; index < EACH; index += 100) {
        const frames = Array.from({ length: 100 }, (_, step) => {
          const number = index + step;
          return clientFrame(1, `${number} ${'x'.repeat(100)}${number === EACH - 1 ? ' last' : ''}`);
        });
        if (!socket.write(Buffer.concat(frames))) await once(socket, 'drain');
      }
    }),
  );
  for (const client of clients) expect((await client.frame()).payload.toString()).toBe('done');
  const seconds = (performance.now() - started) / 1000;
  watching = false;
  await watch;
  const stats = await server.call<Stats>('stats');
  expect(stats).toMatchObject({ handled: CLIENTS * EACH, outOfOrder: 0, problems: [] });
  const growth = peak - before.heapUsed - before.external;
  expect(growth).toBeLessThan(50 * 1024 * 1024);
  report(
    '200,000 messages at a handler that takes 1 ms (20 clients)',
    `${stats.handled} handled in order in ${seconds.toFixed(0)} s; peak growth ${megabytes(growth)}`,
  );
  for (const { socket } of clients) socket.destroy();
});

it('a client that never reads while the server broadcasts: only it is closed, the others miss nothing', async () => {
  const READERS = 50;
  const MESSAGES = 400;
  const readers = await connectMany('/listen', READERS);
  const lazy = await connectRaw(server.port, '/listen');
  lazy.socket.pause();
  const text = 'x'.repeat(50_000);
  const reading = Promise.all(
    readers.map(async (client) => {
      for (let index = 0; index < MESSAGES; index++) {
        const { payload } = await client.frame();
        expect(payload.toString('latin1', 0, 10)).toBe(`${index} ${text}`.slice(0, 10));
      }
    }),
  );
  for (let index = 0; index < MESSAGES; index++)
    await server.call('broadcast', '/listen', `${index} ${text}`);
  await reading;
  const stats = await until(({ terminated }) => terminated === 1);
  expect(stats).toMatchObject({
    errors: { 'wsck 1013': 1 },
    connections: { '/listen': READERS },
    problems: [],
  });
  report(
    'a client that never reads, broadcasts to 51',
    `closed after 4 MB unread (1 × wsck 1013); ${READERS} others got ${MESSAGES} of ${MESSAGES} messages of 50 KB`,
  );
  for (const { socket } of [...readers, lazy]) socket.destroy();
});

it('a half-open peer is gone after interval + timeout, with 1006', async () => {
  const alive = await connectRaw(server.port, '/heartbeat');
  const dead = await connectRaw(server.port, '/heartbeat');
  // The peer's kernel goes on, its program does not: nothing is read, no pong is sent.
  dead.socket.pause();
  const started = performance.now();
  void (async () => {
    for (;;) {
      const { opcode } = await alive.frame();
      if (opcode === 9) alive.write(clientFrame(10));
    }
  })().catch(() => undefined);
  const stats = await until(({ terminated }) => terminated === 1);
  const elapsed = performance.now() - started;
  expect(elapsed).toBeLessThan(400 + 200 + 400);
  expect(stats).toMatchObject({ errors: { 'wsck 1006': 1 }, codes: { 1006: 1 }, problems: [] });
  await delay(1200);
  expect(await server.call<Stats>('stats')).toMatchObject({
    terminated: 1,
    connections: { '/heartbeat': 1 },
  });
  report(
    'a half-open peer, heartbeat 400 + 200 ms',
    `gone after ${elapsed.toFixed(0)} ms with 1006; one that answers stays`,
  );
  alive.socket.destroy();
});
