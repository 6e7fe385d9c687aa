import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Broker, ON_DISK } from './brokers.js';

/** A Redis, a replica of it, and three sentinels that know them as `main`. */
export class RedisWithSentinels {
  private constructor(
    readonly primary: Broker,
    readonly replica: Broker,
    readonly sentinels: readonly Broker[],
  ) {}

  /** Resolves when the replica has what the primary has, and the sentinels know each other. */
  static async start(): Promise<RedisWithSentinels> {
    const primary = await Broker.redis(...ON_DISK);
    const replica = await Broker.redis(
      ...ON_DISK,
      '--replicaof',
      `127.0.0.1 ${primary.port}`,
      '--repl-diskless-sync-delay',
      '0',
    );
    await ask(replica, async (redis) =>
      until(async () => (await redis.info('replication')).includes('master_link_status:up')),
    );
    // Only now: they ask for replicas at once, and then every ten seconds.
    const sentinels = await Promise.all([1, 2, 3].map(() => Broker.sentinel(primary.port)));
    for (const sentinel of sentinels) {
      await ask(sentinel, async (redis) =>
        until(async () =>
          (await redis.info('sentinel')).includes(
            `status=ok,address=127.0.0.1:${primary.port},slaves=1,sentinels=3`,
          ),
        ),
      );
    }
    return new RedisWithSentinels(primary, replica, sentinels);
  }

  get brokers(): readonly Broker[] {
    return [this.primary, this.replica, ...this.sentinels];
  }

  get sentinelPorts(): readonly number[] {
    return this.sentinels.map(({ port }) => port);
  }

  /** From now on the replica gets nothing, as if its line were cut. */
  async detachReplica(): Promise<void> {
    await ask(this.primary, async (redis) => {
      await redis.acl('SETUSER', 'default', '-psync', '-sync');
      await redis.client('KILL', 'TYPE', 'REPLICA');
    });
  }
}

/** Looks now and then: nothing tells of it. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await delay(50);
}

async function ask(broker: Broker, question: (redis: Redis) => Promise<void>): Promise<void> {
  const redis = new Redis({ port: broker.port, host: '127.0.0.1', enableReadyCheck: false });
  try {
    await question(redis);
  } finally {
    redis.disconnect();
  }
}
