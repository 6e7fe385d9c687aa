import type { Cluster, Redis, RedisOptions } from 'ioredis';
import { BackplaneError } from '../errors/backplane.error.js';
import type { Backplane, BackplaneObserver } from '../interfaces/index.js';
import { loadPackage } from './optional-package.js';

/** Where {@link RedisBackplane} finds its server, and how it uses it. */
export interface RedisBackplaneOptions {
  /** `redis://` or `rediss://`, with user, password and database if need be. @default redis://127.0.0.1:6379 */
  url?: string;
  /** Options of `ioredis` beside the URL, such as `tls`, `sentinels` or `retryStrategy`. */
  options?: RedisOptions;
  /**
   * A client of `ioredis` in place of a URL: a `Redis`, or a `Cluster`. Its settings are used for two connections of the
   * backplane's own; the client itself is left alone, and yours to close.
   */
  client?: Redis | Cluster;
  /** What the names of all channels begin with. Applications that share a Redis need different ones. @default '4d' */
  prefix?: string;
  /**
   * Whether to use sharded pub/sub, with which each message goes through one node of a Redis Cluster only, not through all.
   *
   * @default true for a Redis Cluster of version 7 and up
   */
  sharded?: boolean;
  /**
   * Whether the application may start while Redis can't be reached. It then serves its own clients, tells `onError`, and
   * connects as soon as it can.
   *
   * @default false: the application does not start
   */
  startWithoutBroker?: boolean;
}

const NAME = 'RedisBackplane';
/** How often a quiet connection is tested, and how long Redis may take to answer anything. */
const PING_INTERVAL = 10_000;
const SOCKET_TIMEOUT = 10_000;
/** How many channels go into one SUBSCRIBE. */
const CHANNELS_A_COMMAND = 500;

/**
 * Nothing waits while Redis is away, and nothing is sent twice: what can't be delivered now is lost, which is what "at
 * most once" means (SPEC 14.3).
 */
const AT_MOST_ONCE = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  // Channels are names of our own already.
  keyPrefix: '',
} as const satisfies RedisOptions;

/**
 * Connects the instances of an application through the pub/sub of Redis or Valkey (SPEC 14.2), with `ioredis`, which has
 * to be installed beside this package.
 *
 * It keeps two connections: one publishes, the other is subscribed. Both are tested every 10 seconds.
 */
export class RedisBackplane implements Backplane {
  readonly #options: RedisBackplaneOptions;
  readonly #prefix: string;
  readonly #channels = new Set<string>();
  #observer: BackplaneObserver | undefined;
  #publisher: Redis | Cluster | undefined;
  #subscriber: Redis | Cluster | undefined;
  #sharded = false;
  #available = false;
  #corked = false;
  #lastError: Error | undefined;
  #pings: NodeJS.Timeout | undefined;

  /** @throws {BackplaneError} for options that exclude each other */
  constructor(options: RedisBackplaneOptions = {}) {
    const { client, url, options: redisOptions, prefix = '4d' } = options;
    if (client !== undefined && (url !== undefined || redisOptions !== undefined)) {
      throw new BackplaneError(
        NAME,
        'a client has its own url and options; give either a client, or a url and options',
      );
    }
    this.#options = options;
    this.#prefix = `${prefix}:`;
  }

  /** @throws {BackplaneError} if ioredis is not installed, and if Redis can't be reached or refuses */
  async connect(observer: BackplaneObserver): Promise<void> {
    if (this.#observer !== undefined)
      throw new BackplaneError(NAME, 'it is connected already; make one for each application');
    this.#observer = observer;
    const [publisher, subscriber] = await this.#createClients();
    this.#publisher = publisher;
    this.#subscriber = subscriber;
    for (const client of [publisher, subscriber]) this.#watch(client);
    const onMessage = (channel: Buffer, message: Buffer): void =>
      observer.receive(channel.toString().slice(this.#prefix.length), message);
    // The events in Buffers are not in the types.
    subscriber.on('messageBuffer' as 'message', onMessage as never);
    subscriber.on('smessageBuffer' as 'message', onMessage as never);
    try {
      await Promise.all([publisher.connect(), subscriber.connect()]);
      await this.#ready();
    } catch (error) {
      const failure = this.#failure(error as Error);
      if (this.#options.startWithoutBroker !== true) {
        await this.close();
        throw failure;
      }
      if (!this.#available) observer.away(failure);
    }
    this.#pings = setInterval(() => this.#ping(), PING_INTERVAL);
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    const names = channels.map((channel) => this.#prefix + channel);
    for (const name of names) this.#channels.add(name);
    if (this.#available) await this.#subscribe(names);
  }

  unsubscribe(channels: readonly string[]): void {
    const names = channels.map((channel) => this.#prefix + channel);
    for (const name of names) this.#channels.delete(name);
    if (!this.#available) return;
    const subscriber = this.#subscriber!;
    const done = this.#sharded
      ? Promise.all(names.map((name) => subscriber.sunsubscribe(name)))
      : subscriber.unsubscribe(...names);
    // Whoever is not subscribed because of an outage need not unsubscribe.
    done.catch(() => undefined);
  }

  async publish(channel: string, message: Uint8Array): Promise<void> {
    const publisher = this.#publisher!;
    const name = this.#prefix + channel;
    this.#cork(publisher);
    try {
      if (this.#sharded) await publisher.spublish(name, message as Buffer);
      else await publisher.publish(name, message as Buffer);
    } catch (error) {
      // All but Redis's own refusals are of the outage, which the observer hears of.
      if (isReplyError(error)) throw error;
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#pings);
    this.#observer = undefined;
    this.#available = false;
    this.#channels.clear();
    for (const client of [this.#publisher, this.#subscriber]) {
      if (client === undefined || client.status === 'end') continue;
      const ended = new Promise((resolve) => client.once('end', resolve));
      client.disconnect();
      await ended;
    }
    this.#publisher = undefined;
    this.#subscriber = undefined;
  }

  async #createClients(): Promise<[publisher: Redis | Cluster, subscriber: Redis | Cluster]> {
    const { client, url = 'redis://127.0.0.1:6379', options, sharded } = this.#options;
    this.#sharded =
      sharded ?? (client !== undefined && isCluster(client) && (await hasShardedPubSub(client)));
    if (client === undefined) {
      const { Redis } = await loadPackage(NAME, 'ioredis', () => import('ioredis'));
      const create = (): Redis =>
        new Redis(url, { socketTimeout: SOCKET_TIMEOUT, ...options, ...AT_MOST_ONCE });
      return [create(), create()];
    }
    if (!isCluster(client)) {
      const { socketTimeout = SOCKET_TIMEOUT } = client.options;
      const create = (): Redis => client.duplicate({ ...AT_MOST_ONCE, socketTimeout });
      return [create(), create()];
    }
    return [
      // Nor does it publish again what may have been published before a node went away.
      client.duplicate([], {
        lazyConnect: true,
        enableOfflineQueue: false,
        retryDelayOnFailover: 0,
        keyPrefix: '',
      }),
      // A cluster's client subscribes again by itself, on whatever node a channel has moved to.
      client.duplicate([], { lazyConnect: true, keyPrefix: '', shardedSubscribers: this.#sharded }),
    ];
  }

  #watch(client: Redis | Cluster): void {
    client.on('error', (error: Error) => {
      this.#lastError = error;
    });
    client.on('close', () => this.#lost());
    client.on('ready', () => {
      // At start-up connect() waits for both.
      if (this.#pings === undefined) return;
      this.#ready().catch((error: Error) => {
        this.#lastError = error;
        this.#lost();
        // As after any failure: once more, a little later.
        if (!isCluster(client)) client.disconnect(true);
      });
    });
  }

  /** Both connections may be there; then all channels are subscribed to again. */
  async #ready(): Promise<void> {
    const [publisher, subscriber] = [this.#publisher, this.#subscriber];
    if (publisher?.status !== 'ready' || subscriber?.status !== 'ready' || this.#available) return;
    // A cluster's client remembers its channels itself.
    if (!isCluster(subscriber)) await this.#subscribe([...this.#channels]);
    if (publisher.status !== 'ready' || subscriber.status !== 'ready') return;
    this.#available = true;
    this.#lastError = undefined;
    this.#observer?.back();
  }

  #lost(): void {
    if (!this.#available) return;
    this.#available = false;
    this.#observer?.away(this.#failure(new Error('the connection closed')));
  }

  async #subscribe(names: readonly string[]): Promise<void> {
    const subscriber = this.#subscriber!;
    const commands: Promise<unknown>[] = [];
    if (this.#sharded) {
      // Channels of one command would have to be in one slot.
      for (const name of names) commands.push(subscriber.ssubscribe(name));
    } else {
      for (let index = 0; index < names.length; index += CHANNELS_A_COMMAND) {
        commands.push(subscriber.subscribe(...names.slice(index, index + CHANNELS_A_COMMAND)));
      }
    }
    for (const command of await Promise.allSettled(commands)) {
      if (command.status === 'rejected' && isReplyError(command.reason)) throw command.reason;
    }
  }

  /** The commands of one turn leave in one system call. */
  #cork(publisher: Redis | Cluster): void {
    if (this.#corked || isCluster(publisher)) return;
    const { stream } = publisher;
    this.#corked = true;
    stream.cork();
    process.nextTick(() => {
      this.#corked = false;
      stream.uncork();
    });
  }

  /** Without an answer in time ioredis closes the socket, which otherwise nobody might notice for hours. */
  #ping(): void {
    if (!this.#available) return;
    for (const client of [this.#publisher!, this.#subscriber!]) {
      if (!isCluster(client)) client.ping().catch(() => undefined);
    }
  }

  #failure(error: Error): BackplaneError {
    const cause = this.#lastError ?? error;
    return new BackplaneError(NAME, `no connection to ${this.#address()}: ${cause.message}`, { cause });
  }

  /** Where Redis is, without the password. */
  #address(): string {
    const { url = 'redis://127.0.0.1:6379', options, client } = this.#options;
    if (client !== undefined) {
      return isCluster(client)
        ? 'the Redis Cluster'
        : `Redis at ${client.options.host}:${client.options.port}`;
    }
    if (options?.sentinels !== undefined || options?.path !== undefined || !URL.canParse(url)) return 'Redis';
    const { host, hostname, port } = new URL(url);
    return `Redis at ${port === '' ? `${hostname || host}:6379` : host}`;
  }
}

function isCluster(client: Redis | Cluster): client is Cluster {
  return client.isCluster;
}

/** Redis answered, with an error; anything else is a failure on the way. */
function isReplyError(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

/** Sharded pub/sub came with Redis 7. */
async function hasShardedPubSub(cluster: Cluster): Promise<boolean> {
  const probe = cluster.duplicate([], { lazyConnect: true, keyPrefix: '' });
  probe.on('error', () => undefined);
  try {
    await probe.connect();
    const version = /redis_version:(\d+)/.exec(await probe.info('server'));
    return Number(version?.[1]) >= 7;
  } catch {
    // It can't be reached: connecting will tell why.
    return true;
  } finally {
    probe.disconnect();
  }
}
