import type { Cluster, Redis, RedisOptions } from 'ioredis';
import { BackplaneError } from '../errors/backplane.error.js';
import type { Backplane, BackplaneHistory, BackplaneObserver } from '../interfaces/index.js';
import { loadPackage } from './optional-package.js';
import { OutageReport } from './outage-report.js';
import { hasShardedPubSub, RedisClusterLink } from './redis-cluster-link.js';
import { RedisHistory } from './redis-history.js';
import { AT_MOST_ONCE, type RedisLink, type RedisLinkObserver } from './redis-link.js';
import { RedisSingleLink } from './redis-single-link.js';
import { tellObserver } from './remembered-message.js';
import { Retry, retryDelay } from './retry.js';

/** Where {@link RedisBackplane} finds its server, and how it uses it. */
export interface RedisBackplaneOptions {
  /** `redis://` or `rediss://`, with user, password and database if need be. @default redis://127.0.0.1:6379 */
  url?: string;
  /** Options of `ioredis` beside the URL, such as `tls`, `sentinels` or `retryStrategy`. */
  options?: RedisOptions;
  /**
   * A client of `ioredis` in place of a URL: a `Redis`, or a `Cluster`. Its settings are used for connections of the
   * backplane's own; the client itself is left alone, and yours to close.
   */
  client?: Redis | Cluster;
  /** What the names of all channels begin with. Applications that share a Redis need different ones. @default '4d' */
  prefix?: string;
  /**
   * Whether to use the sharded pub/sub of a Redis Cluster, with which each message goes through one node only, not through
   * all of them.
   *
   * @default whether the cluster has it: from Redis 7 on
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
/** How often a quiet connection is tested, and how long Redis may take to answer anything, in milliseconds. */
const PING_INTERVAL = 10_000;
const SOCKET_TIMEOUT = 10_000;

/**
 * Connects the instances of an application through the pub/sub of Redis or Valkey (reference 14.2), with `ioredis`, which has
 * to be installed beside this package.
 */
export class RedisBackplane implements Backplane {
  /** Keeps what is remembered in streams (reference 16.1). It needs Redis 6.2 or Valkey, and rights to run scripts. */
  readonly history: BackplaneHistory;
  readonly #options: RedisBackplaneOptions;
  readonly #prefix: string;
  /** The channels that Redis has, or is asked for, each with the call that asked. */
  readonly #names = new Map<string, number>();
  #calls = 0;
  #observer: BackplaneObserver | undefined;
  #link: RedisLink | undefined;
  #available = false;
  #outage: OutageReport | undefined;
  #lastError: Error | undefined;
  #pings: NodeJS.Timeout | undefined;
  readonly #retry = new Retry(() => void this.#resubscribe());
  readonly #linkObserver: RedisLinkObserver = {
    receive: (name, message) => this.#receive(name.slice(this.#prefix.length), message),
    ready: () => this.#ready(),
    lost: () => this.#lost(),
    missed: () => this.#observer?.behind(),
    failed: (error) => {
      this.#lastError = error;
    },
  };

  /** @throws {BackplaneError} for options that exclude each other */
  constructor(options: RedisBackplaneOptions = {}) {
    const { client, url, options: redisOptions, sharded, prefix = '4d' } = options;
    if (client !== undefined && (url !== undefined || redisOptions !== undefined)) {
      throw new BackplaneError(
        NAME,
        'a client has a url and options already; give it either the client, or a url and options',
      );
    }
    if (sharded === true && client?.isCluster !== true) {
      throw new BackplaneError(NAME, 'sharded is for a Redis Cluster; give it a client of the class Cluster');
    }
    this.#options = options;
    this.#prefix = `${prefix}:`;
    this.history = new RedisHistory(
      this.#prefix,
      () => (this.#available ? this.#link : undefined),
      (channel, error) => this.#observer?.strange?.(channel, error),
    );
  }

  /** @throws {BackplaneError} if ioredis is not installed, and if Redis can't be reached or refuses */
  async connect(observer: BackplaneObserver): Promise<void> {
    if (this.#observer !== undefined) {
      throw new BackplaneError(NAME, 'it is connected already; make one for each application');
    }
    this.#observer = observer;
    this.#outage = new OutageReport(observer);
    let link: RedisLink;
    try {
      link = await this.#createLink();
    } catch (error) {
      this.#observer = undefined;
      throw error;
    }
    this.#link = link;
    this.#pings = setInterval(() => this.#available && link.ping(), PING_INTERVAL);
    try {
      await link.connect();
      if (!this.#available) throw new Error('the connection closed');
    } catch (error) {
      const failure = this.#failure(link, error as Error);
      if (this.#options.startWithoutBroker !== true) {
        await this.close();
        throw failure;
      }
      if (!this.#available) this.#outage?.away(failure);
    }
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    const names = channels.map((channel) => this.#prefix + channel);
    const call = ++this.#calls;
    for (const name of names) this.#names.set(name, call);
    if (!this.#available) return;
    try {
      await this.#link!.subscribe(names);
    } catch (error) {
      // Who was refused asks again, or does not; the end of an outage does not wait for it.
      for (const name of names) if (this.#names.get(name) === call) this.#names.delete(name);
      throw error;
    }
  }

  unsubscribe(channels: readonly string[]): void {
    const names = channels.map((channel) => this.#prefix + channel);
    for (const name of names) this.#names.delete(name);
    if (this.#available) this.#link!.unsubscribe(names);
  }

  publish(channel: string, message: Uint8Array): Promise<void> {
    return this.#link!.publish(this.#prefix + channel, message as Buffer);
  }

  async close(): Promise<void> {
    clearInterval(this.#pings);
    this.#retry.stop();
    const link = this.#link;
    this.#link = undefined;
    this.#observer = undefined;
    this.#available = false;
    this.#outage = undefined;
    this.#names.clear();
    await link?.close();
  }

  #receive(channel: string, message: Uint8Array): void {
    if (this.#observer !== undefined) tellObserver(this.#observer, channel, message);
  }

  /** Both connections are there, at first or again. */
  #ready(): void {
    if (this.#link === undefined || this.#available) return;
    this.#available = true;
    void this.#resubscribe();
  }

  /** An outage ends when Redis has all channels; if it refuses any, it is asked again. */
  async #resubscribe(): Promise<void> {
    const link = this.#link!;
    try {
      await link.subscribe([...this.#names.keys()]);
    } catch (error) {
      if (link !== this.#link || !this.#available) return;
      this.#retry.schedule();
      this.#outage?.refused(this.#refusal(link, error as Error));
      return;
    }
    if (link !== this.#link || !this.#available) return;
    this.#retry.stop();
    this.#lastError = undefined;
    this.#outage?.back();
  }

  #lost(): void {
    if (!this.#available) return;
    this.#available = false;
    this.#retry.stop();
    this.#outage?.away(this.#failure(this.#link!, new Error('the connection closed')));
  }

  async #createLink(): Promise<RedisLink> {
    const { client, url = 'redis://127.0.0.1:6379', options, sharded } = this.#options;
    if (client === undefined) {
      const { Redis } = await loadPackage(NAME, 'ioredis', () => import('ioredis'));
      const settings = {
        socketTimeout: SOCKET_TIMEOUT,
        retryStrategy: retryDelay,
        ...options,
        ...AT_MOST_ONCE,
      };
      return new RedisSingleLink(() => new Redis(url, settings), this.#linkObserver);
    }
    if (isCluster(client)) {
      return new RedisClusterLink(client, sharded ?? (await hasShardedPubSub(client)), this.#linkObserver);
    }
    const { socketTimeout = SOCKET_TIMEOUT } = client.options;
    return new RedisSingleLink(
      () => client.duplicate({ ...AT_MOST_ONCE, socketTimeout }),
      this.#linkObserver,
    );
  }

  #failure({ address }: RedisLink, error: Error): BackplaneError {
    const cause = this.#lastError ?? error;
    return new BackplaneError(NAME, `no connection to ${address}: ${cause.message}`, { cause });
  }

  #refusal({ address }: RedisLink, cause: Error): BackplaneError {
    return new BackplaneError(NAME, `${address} refuses to subscribe: ${cause.message}`, { cause });
  }
}

function isCluster(client: Redis | Cluster): client is Cluster {
  return client.isCluster;
}
