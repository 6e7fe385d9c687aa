/** reference 19: a deploy, and a flood. Fewer clients than they are made for, unless CLIENTS and HANDSHAKES say otherwise. */
import { FourDWebSocket } from 'nestjs-4d-websocket/client';
import { Broker, REDIS } from '../support/brokers.js';
import { connect } from '../support/client.js';
import { FixtureProcess } from '../support/fixture.js';
import { freePort } from '../support/free-port.js';
import { describeWith } from '../support/requirement.js';
import { report } from './report.js';

const CLIENTS = Number(process.env.CLIENTS ?? 400);
const HANDSHAKES = Number(process.env.HANDSHAKES ?? 5_000);
const INSTANCE = 'test/soak/fixture/storm-instance.ts';

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function until(condition: () => boolean, what: () => string): Promise<void> {
  const end = performance.now() + 120_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`Not in time: ${what()}`);
    await pause(20);
  }
}

describeWith('redis-server', REDIS, '19.3 a rolling restart', () => {
  it(`${CLIENTS} clients of two instances: handshakes stay under the limit, everybody is back and misses nothing`, async () => {
    const limit = Math.ceil(CLIENTS / 4);
    const broker = await Broker.redis();
    ends.push(() => broker.stop());
    const options = JSON.stringify({
      handshakeRate: { limit, window: 1000 },
      shutdownSpread: 4_000,
      shutdownTimeout: 8_000,
      heartbeat: false,
    });
    const start = async (port: number) => {
      const instance = await FixtureProcess.start(INSTANCE, {
        env: { PORT: String(port), REDIS_PORT: String(broker.port), OPTIONS: options },
      });
      ends.push(() => instance.stop());
      return instance;
    };
    const ports = [await freePort(), await freePort()];
    const instances = [await start(ports[0]!), await start(ports[1]!)];
    const publisher = await start(0);

    const received: number[][] = [];
    const open = new Set<number>();
    let [losses, worst] = [0, 0];
    for (let index = 0; index < CLIENTS; index++) {
      const news: number[] = [];
      received.push(news);
      let [attempt, lostAt] = [index, 0];
      const client = new FourDWebSocket(
        // As a load balancer does: the next instance, the next time.
        () => `ws://127.0.0.1:${ports[attempt++ % 2]}/news`,
        {
          onMessage: (_ws, { data }) => void news.push(Number(data)),
          onOpen() {
            open.add(index);
            if (lostAt > 0) worst = Math.max(worst, performance.now() - lostAt);
            lostAt = 0;
          },
          onDisconnect() {
            if (open.delete(index)) {
              losses++;
              lostAt = performance.now();
            }
          },
          onError: () => undefined,
        },
        { reconnect: { minDelay: 100, maxDelay: 2_000 } },
      );
      ends.push(() => client.terminate());
    }
    await until(
      () => open.size === CLIENTS,
      () => `${open.size} are open`,
    );
    let published = 0;
    let isOver = false;
    const publishing = (async () => {
      while (!isOver) {
        await publisher.call('publish', String(++published));
        await pause(20);
      }
    })();
    let [peak, refused] = [0, 0];
    const note = async (instance: FixtureProcess) => {
      const seen = await instance.call<{ peak: number; refused: number }>('handshakes', 1000);
      peak = Math.max(peak, seen.peak);
      refused += seen.refused;
    };
    losses = 0;
    for (const [index, port] of ports.entries()) {
      const old = instances[index]!;
      await old.call('close');
      await note(old);
      await old.stop();
      instances[index] = await start(port);
      await until(
        () => open.size === CLIENTS,
        () => `${open.size} are back`,
      );
    }
    for (const instance of instances) await note(instance);
    isOver = true;
    await publishing;
    await until(
      () => received.every((news) => news.at(-1) === published),
      () => `${received.filter((news) => news.at(-1) === published).length} have all`,
    );
    for (const news of received)
      for (let next = 1; next < news.length; next++) expect(news[next]).toBe(news[next - 1]! + 1);
    // A handshake is counted when it begins, and noted when it is over: a busy process does that unevenly.
    expect(peak).toBeLessThanOrEqual(limit * 1.1);
    expect(losses).toBeGreaterThanOrEqual(CLIENTS);
    report(
      `rolling restart of two instances, ${CLIENTS} clients, ${published} messages`,
      `peak ${peak} handshakes a second of an instance (limit ${limit}), ${losses} connections lost and had again, ` +
        `${refused} handshakes told to come later, the longest ${(worst / 1000).toFixed(1)} s away, no message missed or twice`,
    );
  });
});

it(`a flood of ${HANDSHAKES} handshakes from one address: 100 honest clients of another notice nothing`, async () => {
  const instance = await FixtureProcess.start(INSTANCE, {
    env: { OPTIONS: JSON.stringify({ handshakeRate: { limit: 150, window: 1000, by: 'address' } }) },
  });
  ends.push(() => instance.stop());
  const flood = await FixtureProcess.start('test/soak/fixture/flood.ts');
  ends.push(() => flood.stop());
  const clients = await Promise.all(Array.from({ length: 100 }, () => connect(`${instance.url}/news`)));
  const latencies = async (isOver: () => boolean) => {
    const found: number[] = [];
    while (!isOver()) {
      const client = clients[found.length % 100]!;
      const began = performance.now();
      client.send('echo');
      await client.next();
      found.push(performance.now() - began);
      await pause(2);
    }
    found.sort((one, other) => one - other);
    return { median: found[found.length >> 1]!, p99: found[Math.floor(found.length * 0.99)]! };
  };
  const end = performance.now() + 2000;
  const before = await latencies(() => performance.now() > end);
  let statuses: Record<number, number> | undefined;
  void flood
    .call<typeof statuses>('flood', instance.port, HANDSHAKES, 50)
    .then((found) => (statuses = found));
  const began = performance.now();
  const during = await latencies(() => statuses !== undefined);
  const seconds = (performance.now() - began) / 1000;
  const honest = await connect(`${instance.url}/news`);
  honest.send('still here');
  expect(await honest.next()).toBe('still here');
  expect(statuses![101]).toBeLessThan(150 * (seconds + 1.5));
  expect(statuses![429]).toBeGreaterThan(HANDSHAKES * 0.5);
  expect((statuses![101] ?? 0) + statuses![429]!).toBe(HANDSHAKES);
  expect(during.median).toBeLessThan(10);
  expect(during.p99).toBeLessThan(50);
  const show = ({ median, p99 }: typeof before) => `${median.toFixed(2)} / ${p99.toFixed(2)} ms`;
  report(
    `${HANDSHAKES} handshakes from one address in ${seconds.toFixed(0)} s`,
    `${statuses![429]} refused with 429; echo of others (median / p99): ${show(before)} before, ${show(during)} during`,
  );
});
