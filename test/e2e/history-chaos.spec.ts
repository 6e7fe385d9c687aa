/** reference 16.2, 16.4, 16.5: lines are cut all the time, instances and brokers are killed, and nothing is missing. */
import { Broker, NATS, ON_DISK, REDIS } from '../support/brokers.js';
import { Chaos, LIMIT, type Settings } from '../support/chaos.js';
import { until } from '../support/patience.js';
import { startRemembering, startRememberingWorkers } from '../support/remembering-instances.js';
import { describeWith } from '../support/requirement.js';

let chaos: Chaos | undefined;

afterEach(async () => {
  await chaos?.end();
  chaos = undefined;
});

interface Kind {
  name: string;
  program: string;
  path: string;
  settings: Settings;
  start(settings: Settings): Promise<Chaos>;
  /** Whether there is a broker to kill. */
  broker: boolean;
}

const KINDS: Kind[] = [
  {
    name: 'Redis',
    program: 'redis-server',
    path: REDIS,
    settings: { clients: 20, messages: 2_500, batch: 25 },
    broker: true,
    start: async (settings) => {
      const broker = await Broker.redis(...ON_DISK);
      return new Chaos(await startRemembering('redis', broker.port), settings, [broker]);
    },
  },
  {
    name: 'NATS JetStream',
    program: 'nats-server',
    path: NATS,
    settings: { clients: 10, messages: 500, batch: 10 },
    broker: true,
    start: async (settings) => {
      const broker = await Broker.natsWithJetStream();
      return new Chaos(await startRemembering('nats', broker.port), settings, [broker]);
    },
  },
  {
    name: 'node:cluster',
    program: 'node',
    path: process.execPath,
    settings: { clients: 20, messages: 1_000, batch: 25 },
    broker: false,
    start: async (settings) => new Chaos(await startRememberingWorkers(), settings),
  },
];

for (const { name, program, path, settings, broker, start } of KINDS) {
  describeWith(program, path, `topics that remember, with ${name}`, () => {
    it(
      'lines are cut all the time: each client has all messages, once, in order',
      async () => {
        chaos = await start(settings);
        await chaos.gather();
        await chaos.publish();
        await chaos.check();
        expect(chaos.rejected.size).toBe(0);
        expect(chaos.acknowledged.size).toBe(chaos.total);
        expect(chaos.proxy.cuts).toBeGreaterThan(settings.clients);
      },
      LIMIT,
    );

    it(
      'an instance is killed, and started, meanwhile',
      async () => {
        const running = (chaos = await start(settings));
        await running.gather();
        await running.publish(async () => {
          await running.reached(0.25);
          await running.kill(running.application.instances[1]!);
          await running.reached(0.5);
          await running.kill(running.application.instances[0]!);
        });
        await running.check();
      },
      LIMIT,
    );

    if (broker) {
      it(
        'the broker is killed, and started, meanwhile: what was acknowledged arrives, the rest was rejected',
        async () => {
          const running = (chaos = await start(settings));
          await running.gather();
          await running.publish(async () => {
            await running.reached(0.3);
            const [broker] = running.brokers as [Broker];
            await broker.kill();
            await until(() => running.rejected.size > 0);
            await broker.start();
          });
          await running.check();
          expect(running.acknowledged.size + running.rejected.size).toBe(running.total);
          expect(running.rejected.size).toBeGreaterThan(0);
        },
        LIMIT,
      );
    }
  });
}

describeWith('redis-server', REDIS, 'topics that remember, with three instances', () => {
  it(
    'lines are cut, and two are killed and started: each client has all messages, once, in order',
    async () => {
      const broker = await Broker.redis(...ON_DISK);
      const settings = { clients: 20, messages: 334, batch: 23 };
      const running = (chaos = new Chaos(await startRemembering('redis', broker.port, 3), settings, [
        broker,
      ]));
      await running.gather();
      await running.publish(async () => {
        const [first, , last] = running.application.instances;
        await running.reached(0.25);
        await running.kill(last!);
        await running.reached(0.5);
        await running.kill(first!);
      });
      await running.check();
      expect(running.proxy.cuts).toBeGreaterThan(settings.clients);
    },
    LIMIT,
  );
});
