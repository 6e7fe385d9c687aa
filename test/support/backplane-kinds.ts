import { Redis } from 'ioredis';
import { Broker, NATS, REDIS } from './brokers.js';
import { startInstance, startWorkers, until, type Instance } from './instances.js';

/** What carries messages between the instances of a test. */
export interface BackplaneKind {
  name: string;
  /** The program that it needs, and where Debian has it; none for the workers of node:cluster. */
  program?: string;
  path?: string;
  /** A broker and its instances. */
  start(count: number): Promise<Running>;
}

export interface Running {
  broker: Broker | undefined;
  instances: Instance[];
  /** Waits until so many instances are subscribed to a topic of a server at the broker. */
  interested(path: string, topic: string, count: number): Promise<void>;
  /** Bytes that the broker has sent to anybody. */
  bytesSent(): Promise<number>;
  stop(): Promise<void>;
}

async function startOnRedis(count: number): Promise<Running> {
  const broker = await Broker.redis();
  const settings = { url: `redis://127.0.0.1:${broker.port}` };
  const instances = await Promise.all(Array.from({ length: count }, () => startInstance('redis', settings)));
  // It connects when it is asked, so that a test may kill the broker first.
  const redis = new Redis({ port: broker.port, host: '127.0.0.1', lazyConnect: true });
  redis.on('error', () => undefined);
  return {
    broker,
    instances,
    interested: (path, topic, expected) =>
      until(async () => {
        const [, subscribers] = (await redis.pubsub('NUMSUB', `4d:${path}#topic:${topic}`)) as [
          string,
          number,
        ];
        return subscribers === expected;
      }),
    bytesSent: async () => Number(/total_net_output_bytes:(\d+)/.exec(await redis.info('stats'))![1]),
    stop: async () => {
      redis.disconnect();
      await broker.stop();
    },
  };
}

async function startOnNats(count: number): Promise<Running> {
  const broker = await Broker.nats();
  const settings = { servers: `nats://127.0.0.1:${broker.port}` };
  const instances = await Promise.all(Array.from({ length: count }, () => startInstance('nats', settings)));
  const ask = async <T>(page: string): Promise<T> =>
    (await (await fetch(`http://127.0.0.1:${broker.monitor}/${page}`)).json()) as T;
  return {
    broker,
    instances,
    interested: (path, topic, expected) =>
      until(async () => {
        const { subscriptions_list: list = [] } = await ask<{ subscriptions_list?: { subject: string }[] }>(
          'subsz?subs=1&limit=100000',
        );
        return list.filter(({ subject }) => subject === `4d.${path}#topic:${topic}`).length === expected;
      }),
    bytesSent: async () => (await ask<{ out_bytes: number }>('varz')).out_bytes,
    stop: () => broker.stop(),
  };
}

async function startOnCluster(count: number): Promise<Running> {
  const instances = await startWorkers(count);
  return {
    broker: undefined,
    instances,
    // A worker's answers come to us through the relay, behind its subscriptions.
    interested: async (path) => {
      for (const instance of instances) await instance.call('ids', path);
    },
    bytesSent: () => Promise.reject(new Error('the relay counts nothing')),
    stop: () => Promise.resolve(),
  };
}

export const REDIS_KIND: BackplaneKind = {
  name: 'Redis',
  program: 'redis-server',
  path: REDIS,
  start: startOnRedis,
};
export const NATS_KIND: BackplaneKind = {
  name: 'NATS',
  program: 'nats-server',
  path: NATS,
  start: startOnNats,
};
export const CLUSTER_KIND: BackplaneKind = { name: 'cluster workers', start: startOnCluster };
