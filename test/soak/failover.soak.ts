/** reference 16.2, 16.4, 16.5: a broker of several servers loses the one that leads. */
import { NATS, REDIS } from '../support/brokers.js';
import { Chaos, LIMIT } from '../support/chaos.js';
import { leaderOf, startNatsCluster } from '../support/nats-cluster.js';
import { until } from '../support/patience.js';
import { RedisWithSentinels } from '../support/redis-sentinels.js';
import { startRemembering } from '../support/remembering-instances.js';
import { describeWith } from '../support/requirement.js';

let chaos: Chaos | undefined;
afterEach(async () => {
  await chaos?.end();
  chaos = undefined;
});

describeWith('redis-server', REDIS, 'topics that remember, while Sentinel', () => {
  it(
    'promotes a replica that lacks the last messages: what is lost is told, and what follows has one order',
    async () => {
      const redis = await RedisWithSentinels.start();
      const settings = { clients: 12, messages: 500, batch: 5, pause: 200 };
      const application = await startRemembering('redis-sentinel', redis.sentinelPorts);
      const running = (chaos = new Chaos(application, settings, redis.brokers));
      await running.gather();
      await running.publish(async () => {
        await running.reached(0.2);
        await redis.detachReplica();
        const { published } = running;
        await until(() => running.published > published + 50);
        await redis.primary.kill();
      });
      await running.checkWhatIsTold();
      // Who had all that the replica lacks misses nothing, and has nothing to be told of.
      expect(running.listeners.some(({ losses }) => losses.length > 0)).toBe(true);
    },
    LIMIT,
  );
});

describeWith('nats-server', NATS, 'topics that remember, while a NATS cluster', () => {
  it(
    'loses the leader of their stream: what was acknowledged arrives, the rest was rejected',
    async () => {
      const servers = await startNatsCluster();
      const settings = { clients: 9, messages: 300, batch: 5, pause: 200 };
      const ports = servers.map(({ port }) => port);
      const running = (chaos = new Chaos(await startRemembering('nats-cluster', ports), settings, servers));
      await running.gather();
      await running.publish(async () => {
        await running.reached(0.3);
        const leader = await leaderOf(servers);
        await leader.kill();
        await until(() => running.rejected.size > 0);
        await running.reached(0.8);
        await leader.start();
      });
      await running.check();
      expect(running.acknowledged.size + running.rejected.size).toBe(running.total);
    },
    LIMIT,
  );
});
