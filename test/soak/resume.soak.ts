/** reference 16.8: a thousand clients that come back at once. */
import { setTimeout as delay } from 'node:timers/promises';
import { Broker, NATS, REDIS } from '../support/brokers.js';
import { connect } from '../support/client.js';
import { FixtureProcess } from '../support/fixture.js';
import { startRemembering, type RememberingApplication } from '../support/remembering-instances.js';
import { describeWith } from '../support/requirement.js';
import { report } from './report.js';

const CLIENTS = 1_000;
const MISSED = 1_000;
const TOPIC = 'room';
/** How late a message may be for those who are live, in milliseconds. */
const LATEST = 1_000;
/** How much more memory the instance may take meanwhile: its connections are among it. */
const MEMORY = 300 * 1024 * 1024;

let application: RememberingApplication;
let clients: FixtureProcess;
let broker: Broker;

afterEach(async () => {
  await clients?.stop();
  await application?.stop();
  await broker?.stop();
});

const megabytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(0)} MB`;

describe.each([
  ['redis', 'redis-server', REDIS, () => Broker.redis('--appendonly', 'yes')],
  ['nats', 'nats-server', NATS, () => Broker.natsWithJetStream()],
] as const)('%s', (kind, program, path, startBroker) => {
  describeWith(program, path, 'topics that remember', () => {
    it('1,000 clients come back at once with 1,000 missed messages each', async () => {
      broker = await startBroker();
      application = await startRemembering(kind, broker.port, 1);
      clients = await FixtureProcess.start('test/soak/fixture/returning-clients.ts');
      const [instance] = application.instances;
      const text = 'x'.repeat(100);
      // One by one: each is stored by itself.
      for (let published = 0; published < MISSED; published++) await instance!.publish(TOPIC, [text]);
      const { epoch, offset } = await instance!.ask<{ epoch: string; offset: number }>('position', TOPIC);
      expect(offset).toBe(MISSED);

      // Others are live, in this topic and another.
      const url = `ws://127.0.0.1:${instance!.port}/room?topic=`;
      const live = [await connect(`${url}${TOPIC}`), await connect(`${url}lobby`)];
      for (const client of live) expect(await client.next()).toBe('here');
      const before = await instance!.ask<number>('memory');
      let storm: { milliseconds: number; error?: string } | undefined;
      void clients
        .call<typeof storm>('come', `${url}${TOPIC}`, CLIENTS, TOPIC, epoch, 0, MISSED)
        .then((result) => (storm = result));
      const latencies: number[] = [];
      while (storm === undefined) {
        await Promise.all(
          [TOPIC, 'lobby'].map(async (topic, index) => {
            const sent = performance.now();
            void instance!.publish(topic, ['now']);
            expect(await live[index]!.next()).toBe('now');
            latencies.push(performance.now() - sent);
          }),
        );
        await delay(20);
      }
      const grown = (await instance!.ask<number>('peak')) - before;
      const latest = Math.max(...latencies);
      report(
        `${CLIENTS} clients come back at once, each missed ${MISSED} messages (${kind})`,
        `all had them after ${(storm.milliseconds / 1000).toFixed(1)} s; memory + ${megabytes(grown)}; ` +
          `live messages ${latest.toFixed(0)} ms late at most (${latencies.length} of them)`,
      );
      expect(storm).toEqual({ milliseconds: expect.any(Number) });
      expect(latest).toBeLessThan(LATEST);
      expect(grown).toBeLessThan(MEMORY);
    });
  });
});
