import { Cluster } from 'ioredis';
import type { Backplane, HistoryBounds, HistoryPage, TopicPosition } from 'nestjs-4d-websocket';
import { NatsBackplane } from 'nestjs-4d-websocket/nats';
import { RedisBackplane } from 'nestjs-4d-websocket/redis';
import { MemoryBackplane, MemoryBroker } from 'nestjs-4d-websocket/testing';
import { Broker, NATS, ON_DISK, REDIS } from './brokers.js';
import { FixtureProcess } from './fixture.js';
import { until } from './instances.js';
import { clusterIsReady, startRedisCluster } from './redis-cluster.js';

/** What an instance was told of a history. */
export interface Heard {
  channel: string;
  epoch: string;
  first: number;
  messages: string[];
}

/** A page, with its messages as text. */
export interface Page extends Omit<HistoryPage, 'entries'> {
  entries: [offset: number, message: string][];
}

/** An instance, as far as histories go: what it may be asked for, in this process or another. */
export interface Member {
  subscribe(channel: string): Promise<void>;
  append(channel: string, messages: readonly string[], bounds: HistoryBounds): Promise<TopicPosition>;
  read(channel: string, after: number, limit: number, bounds: HistoryBounds): Promise<Page>;
  forget(channel: string, epoch?: string): Promise<void>;
  /** All that it was told, in order. */
  heard(): Promise<Heard[]>;
}

/** Where histories are kept. */
export interface HistoryKind {
  name: string;
  /** The program that it needs, and where Debian has it. */
  program?: string;
  path?: string;
  /** Whether it has a disk, on which it finds its histories again. */
  durable?: boolean;
  start(): Promise<Store>;
}

/** A store that runs. */
export interface Store {
  /** Connects one more instance. */
  join(): Promise<Member>;
  /** Ends the store as a crash would; undefined if it lives in the test. */
  kill?: () => Promise<void>;
  /** Starts it again, and waits until all its instances are back. */
  restart?: () => Promise<void>;
  stop(): Promise<void>;
}

/** An instance in this process. */
export class LocalMember implements Member {
  readonly #heard: Heard[] = [];
  /** Whether its broker is there. */
  here = true;
  /** How often messages of another kind came. */
  others = 0;

  constructor(readonly backplane: Backplane) {}

  async connect(): Promise<this> {
    await this.backplane.connect({
      receive: () => void this.others++,
      remembered: (channel, { epoch, offset: first }, messages) =>
        void this.#heard.push({ channel, epoch, first, messages: messages.map(textOf) }),
      behind: () => undefined,
      away: () => void (this.here = false),
      back: () => void (this.here = true),
    });
    return this;
  }

  subscribe(channel: string): Promise<void> {
    return this.backplane.subscribe([channel]);
  }

  append(channel: string, messages: readonly string[], bounds: HistoryBounds): Promise<TopicPosition> {
    return this.backplane.history!.append(
      channel,
      messages.map((message) => Buffer.from(message)),
      bounds,
    );
  }

  async read(channel: string, after: number, limit: number, bounds: HistoryBounds): Promise<Page> {
    const page = await this.backplane.history!.read(channel, after, limit, bounds);
    return { ...page, entries: page.entries.map(({ offset, message }) => [offset, textOf(message)]) };
  }

  forget(channel: string, epoch?: string): Promise<void> {
    return this.backplane.history!.forget(channel, epoch);
  }

  async heard(): Promise<Heard[]> {
    return this.#heard;
  }
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}

/** A store whose instances are in this process. */
export class LocalStore implements Store {
  readonly members: LocalMember[] = [];

  constructor(
    private readonly create: () => Backplane,
    private readonly brokers: readonly Broker[],
    private readonly ready: () => Promise<void> = () => Promise.resolve(),
  ) {}

  async join(): Promise<LocalMember> {
    const member = await new LocalMember(this.create()).connect();
    this.members.push(member);
    return member;
  }

  async kill(): Promise<void> {
    await Promise.all(this.brokers.map((broker) => broker.kill()));
    await until(async () => this.members.every(({ here }) => !here));
  }

  async restart(): Promise<void> {
    await Promise.all(this.brokers.map((broker) => broker.start()));
    await this.ready();
    await until(async () => this.members.every(({ here }) => here));
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map(({ backplane }) => backplane.close()));
    await Promise.all(this.brokers.map((broker) => broker.stop()));
  }
}

const MEMORY: HistoryKind = {
  name: 'memory',
  start: async () => {
    const broker = new MemoryBroker();
    return new LocalStore(() => new MemoryBackplane(broker), []);
  },
};

const ON_REDIS: HistoryKind = {
  name: 'Redis',
  program: 'redis-server',
  path: REDIS,
  durable: true,
  start: async () => {
    const broker = await Broker.redis(...ON_DISK);
    return new LocalStore(() => new RedisBackplane({ url: `redis://127.0.0.1:${broker.port}` }), [broker]);
  },
};

function onRedisCluster(sharded: boolean): HistoryKind {
  return {
    name: `a Redis Cluster, ${sharded ? 'sharded' : 'plain'}`,
    program: 'redis-server',
    path: REDIS,
    durable: true,
    start: async () => {
      const nodes = await startRedisCluster(...ON_DISK);
      const addresses = nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
      const create = (): RedisBackplane =>
        new RedisBackplane({ client: new Cluster(addresses, { lazyConnect: true }), sharded });
      return new LocalStore(create, nodes, () => clusterIsReady(nodes));
    },
  };
}

const ON_NATS: HistoryKind = {
  name: 'NATS',
  program: 'nats-server',
  path: NATS,
  durable: true,
  start: async () => {
    const broker = await Broker.natsWithJetStream();
    return new LocalStore(() => new NatsBackplane({ servers: `127.0.0.1:${broker.port}` }), [broker]);
  },
};

/** An instance in a worker of node:cluster. */
export class WorkerMember implements Member {
  constructor(
    private readonly fixture: FixtureProcess,
    private readonly worker: number,
  ) {}

  async call<T>(command: string, ...args: unknown[]): Promise<T> {
    const [value, error] = await this.fixture.call<[T, string?]>(command, this.worker, ...args);
    if (error !== undefined) throw new Error(error);
    return value;
  }

  subscribe(channel: string): Promise<void> {
    return this.call('subscribe', channel);
  }

  append(channel: string, messages: readonly string[], bounds: HistoryBounds): Promise<TopicPosition> {
    return this.call('append', channel, messages, bounds);
  }

  read(channel: string, after: number, limit: number, bounds: HistoryBounds): Promise<Page> {
    return this.call('read', channel, after, limit, bounds);
  }

  forget(channel: string, epoch?: string): Promise<void> {
    return this.call('forget', channel, epoch);
  }

  heard(): Promise<Heard[]> {
    return this.call('heard');
  }
}

const IN_THE_PRIMARY: HistoryKind = {
  name: 'node:cluster',
  start: async () => {
    const fixture = await FixtureProcess.start('test/e2e/fixture/history-workers.ts');
    let workers = 0;
    return {
      join: async () => new WorkerMember(fixture, workers++),
      stop: () => fixture.stop(),
    };
  },
};

export const HISTORY_KINDS: readonly HistoryKind[] = [
  MEMORY,
  ON_REDIS,
  onRedisCluster(false),
  onRedisCluster(true),
  ON_NATS,
  IN_THE_PRIMARY,
];
