/** reference 16.2, 16.4, 16.5: what operators of Redis do, and Redis does by itself, loses nothing. */
import { ON_DISK, REDIS } from '../support/brokers.js';
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

describeWith('redis-server', REDIS, 'topics that remember, while a Redis Cluster', () => {
  it.each(['redis-cluster', 'redis-sharded'] as const)(
    'moves the slot of the topic (%s)',
    async (backplane) => {
      const nodes = await startRedisCluster(...ON_DISK);
      const ports = nodes.map(({ port }) => port);
      // The third instance only listens: nothing that it appends tells it what it should have heard.
      const settings = { clients: 12, messages: 1_000, batch: 5, publishers: 2 };
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
