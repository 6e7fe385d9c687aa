/** reference 16.2, 16.4, 16.5: what operators of Redis do, and Redis does by itself, loses nothing. */
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Broker, ON_DISK, REDIS } from '../support/brokers.js';
import { Chaos, LIMIT, TOPIC } from '../support/chaos.js';
import { until } from '../support/patience.js';
import { MovingSlot, startRedisCluster } from '../support/redis-cluster.js';
import { startRemembering } from '../support/remembering-instances.js';
import { describeWith } from '../support/requirement.js';

const CHANNEL = `4d:/room#topic:${TOPIC}`;
const STREAM = `4d:history:{${CHANNEL}}:messages`;
const POSITION = `4d:history:{${CHANNEL}}:position`;

let chaos: Chaos | undefined;
afterEach(async () => {
  await chaos?.end();
  chaos = undefined;
});

/** How many connections are subscribed to the topic, in either way. */
async function countSubscribers(admins: readonly Redis[]): Promise<number> {
  const counts = await Promise.all(
    admins.flatMap((admin) =>
      ['NUMSUB', 'SHARDNUMSUB'].map(async (kind) => {
        const [, count] = (await admin.call('PUBSUB', kind, CHANNEL)) as [string, number];
        return Number(count);
      }),
    ),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

describeWith('redis-server', REDIS, 'topics that remember, while Redis', () => {
  it.each(['redis', 'redis-sharded'] as const)(
    'cuts the subscriber of an instance that reads too slowly (%s)',
    async (backplane) => {
      const limit = ['--client-output-buffer-limit', 'pubsub 2mb 2mb 1'];
      const nodes =
        backplane === 'redis' ? [await Broker.redis(...limit)] : await startRedisCluster(...limit);
      const ports = nodes.map(({ port }) => port);
      const admins = ports.map((port) => new Redis({ port, host: '127.0.0.1' }));
      const settings = {
        clients: 6,
        messages: 4_000,
        batch: 4,
        publishers: 1,
        padding: 32_000,
        lineBytes: 4_000_000,
      };
      const running = (chaos = new Chaos(await startRemembering(backplane, ports), settings, nodes));
      const [, slow] = running.application.instances;
      await running.gather();
      await running.publish(async () => {
        await until(() => running.published > 20);
        // By chance all clients may be with one instance at first.
        while ((await countSubscribers(admins)) < 2) await delay(20);
        slow!.signal('SIGSTOP');
        while ((await countSubscribers(admins)) > 1) await delay(20);
        // Nothing comes afterwards that would show what was missed.
        settings.messages = running.published;
        slow!.signal('SIGCONT');
      });
      await running.check();
      expect(running.rejected.size).toBe(0);
      for (const admin of admins) admin.disconnect();
    },
    LIMIT,
  );
});

describeWith('redis-server', REDIS, 'topics that remember, while a Redis Cluster', () => {
  it.each(['redis-cluster', 'redis-sharded'] as const)(
    'moves the slot of the topic (%s)',
    async (backplane) => {
      const nodes = await startRedisCluster(...ON_DISK);
      const ports = nodes.map(({ port }) => port);
      // The third instance only listens: nothing that it appends tells it what it should have heard.
      const settings = { clients: 12, messages: 600, batch: 5, publishers: 2 };
      const running = (chaos = new Chaos(await startRemembering(backplane, ports, 3), settings, nodes));
      let moving: MovingSlot | undefined;
      await running.gather();
      await running.publish(async () => {
        await running.reached(0.3);
        moving = await MovingSlot.begin(nodes, STREAM);
        await moving.move(STREAM);
        // Half of the topic is here, half there: Redis takes nothing.
        await until(() => running.rejected.size > 0);
        await moving.move(POSITION);
      });
      // Nothing comes after the move that would show what was missed in it.
      await moving!.end();
      await running.check();
      expect(running.acknowledged.size + running.rejected.size).toBe(running.total);
    },
    LIMIT,
  );
});
