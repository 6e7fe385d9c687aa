import { once } from 'node:events';
import { Redis } from 'ioredis';
import { Broker } from './brokers.js';
import { until } from './instances.js';
import { run } from './process.js';

/** Three nodes that share the slots. */
export async function startRedisCluster(...args: string[]): Promise<Broker[]> {
  const nodes = await Promise.all(
    [1, 2, 3].map(() => Broker.redis('--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', ...args)),
  );
  await run('redis-cli', [
    ...['--cluster', 'create', ...nodes.map(({ port }) => `127.0.0.1:${port}`)],
    ...['--cluster-replicas', '0', '--cluster-yes'],
  ]);
  await clusterIsReady(nodes);
  return nodes;
}

/** Waits until all nodes know that all slots are served. */
export async function clusterIsReady(nodes: readonly Broker[]): Promise<void> {
  for (const { port } of nodes) {
    const redis = new Redis({ port, host: '127.0.0.1' });
    if (redis.status !== 'ready') await once(redis, 'ready');
    await until(async () => (await redis.cluster('INFO')).includes('cluster_state:ok'));
    redis.disconnect();
  }
}

/** A slot on its way from one node of a cluster to another. */
export class MovingSlot {
  private constructor(
    private readonly admins: readonly Redis[],
    private readonly ports: readonly number[],
    private readonly ids: readonly string[],
    private readonly slot: number,
    private readonly from: number,
    private readonly to: number,
  ) {}

  /** Begins to move the slot of a key to the next node, as `redis-cli --cluster reshard` does. */
  static async begin(nodes: readonly Broker[], key: string): Promise<MovingSlot> {
    const ports = nodes.map(({ port }) => port);
    const admins = ports.map((port) => new Redis({ port, host: '127.0.0.1' }));
    const slot = Number(await admins[0]!.call('CLUSTER', 'KEYSLOT', key));
    const ids = (await Promise.all(admins.map((admin) => admin.call('CLUSTER', 'MYID')))) as string[];
    const slots = (await admins[0]!.call('CLUSTER', 'SLOTS')) as [number, number, [string, number, string]][];
    const from = ids.indexOf(slots.find(([first, last]) => first <= slot && slot <= last)![2][2]);
    const to = (from + 1) % nodes.length;
    await admins[to]!.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', ids[from]!);
    await admins[from]!.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', ids[to]!);
    return new MovingSlot(admins, ports, ids, slot, from, to);
  }

  /** Moves keys. */
  async move(...keys: readonly string[]): Promise<void> {
    const port = String(this.ports[this.to]!);
    await this.admins[this.from]!.call('MIGRATE', '127.0.0.1', port, '', '0', '5000', 'KEYS', ...keys);
  }

  /** Gives the slot to the node that has its keys. */
  async end(): Promise<void> {
    const { admins, from, to } = this;
    const others = admins.filter((_admin, index) => index !== from && index !== to);
    for (const admin of [admins[to]!, admins[from]!, ...others]) {
      await admin.call('CLUSTER', 'SETSLOT', this.slot, 'NODE', this.ids[to]!);
    }
    for (const admin of admins) admin.disconnect();
  }
}
