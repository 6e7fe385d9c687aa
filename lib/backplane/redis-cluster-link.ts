import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from 'ioredis';
import {
  connect,
  defineScripts,
  disconnect,
  isReplyError,
  listen,
  runScript,
  subscribe,
  unsubscribe,
  type HistoryScript,
  type RedisLink,
  type RedisLinkObserver,
} from './redis-link.js';

/** How long a node may take to subscribe, in milliseconds. */
const SUBSCRIBE_TIMEOUT = 1_000;
/** How often the nodes are asked whether they are there, and how long they may take, in milliseconds. */
const OPEN_ATTEMPTS = 5;
const OPEN_TIMEOUT = 1_000;
/** When to ask again, in milliseconds: a node for a channel, the cluster for a connection. */
const SUBSCRIBE_RETRY = 100;
const CONNECT_RETRY = 500;

/** How long a node may take to answer anything, in milliseconds. */
const SOCKET_TIMEOUT = 10_000;

/** How long the client takes at most to notice that all of its nodes are away, in milliseconds. */
const LOSS_TIME = 1_000;

/** What a node answers that does not have the channel, or not now. */
const NOT_NOW = /^(MOVED|ASK|CLUSTERDOWN|TRYAGAIN)\b/;

/** A link to a Redis Cluster, by ordinary or by sharded pub/sub. */
export class RedisClusterLink implements RedisLink {
  readonly address = 'the Redis Cluster';
  readonly #client: Cluster;
  readonly #sharded: boolean;
  readonly #observer: RedisLinkObserver;
  readonly #publisher: Cluster;
  #subscriber: Cluster;
  /** What is to be subscribed to; an attempt goes on as long as it is in here. */
  readonly #wanted = new Set<string>();
  /** The attempts of the subscriber that go on: who asks once more waits for them too. */
  #attempts = new Map<string, Promise<void>>();
  #losses = 0;
  #closed = false;
  #renewal: NodeJS.Timeout | undefined;
  #lookout: NodeJS.Timeout | undefined;
  #movedAgain = false;

  /** @param client whose settings are used */
  constructor(client: Cluster, sharded: boolean, observer: RedisLinkObserver) {
    this.#client = client;
    this.#sharded = sharded;
    this.#observer = observer;
    this.#publisher = client.duplicate([], {
      lazyConnect: true,
      enableOfflineQueue: false,
      keyPrefix: '',
      // A node that no longer answers is given up, so that nothing waits for it for ever.
      redisOptions: { socketTimeout: SOCKET_TIMEOUT, ...client.options.redisOptions },
      // Nothing is published again that may have been published before a node went away.
      retryDelayOnFailover: 0,
    });
    defineScripts(this.#publisher);
    this.#watch(this.#publisher);
    this.#subscriber = this.#createSubscriber();
  }

  async connect(): Promise<void> {
    await Promise.all([connect(this.#publisher), connect(this.#subscriber)]);
    await this.#announce();
  }

  async subscribe(names: readonly string[]): Promise<void> {
    const subscriber = this.#subscriber;
    if (!this.#sharded) {
      await subscribe(subscriber, names);
      return;
    }
    for (const name of names) this.#wanted.add(name);
    // Channels of one command would have to be in one slot.
    await Promise.all(names.map((name) => this.#subscribeShard(subscriber, name)));
  }

  unsubscribe(names: readonly string[]): void {
    const subscriber = this.#subscriber;
    if (!this.#sharded) {
      unsubscribe(subscriber, names);
      return;
    }
    for (const name of names) {
      this.#wanted.delete(name);
      subscriber.sunsubscribe(name).catch(() => undefined);
    }
  }

  /** Rejects also if the one node of the channel is away, of which the others tell nothing. */
  async publish(name: string, message: Buffer): Promise<void> {
    const losses = this.#losses;
    try {
      if (this.#sharded) await this.#publisher.spublish(name, message);
      else await this.#publisher.publish(name, message);
    } catch (error) {
      // Whether all nodes are away shows a moment later; that is told by itself.
      if (!isReplyError(error)) await delay(LOSS_TIME);
      if (this.#losses === losses) throw error;
    }
  }

  get publishCommand(): 'PUBLISH' | 'SPUBLISH' {
    return this.#sharded ? 'SPUBLISH' : 'PUBLISH';
  }

  run(script: HistoryScript, keysAndArguments: readonly (string | number | Buffer)[]): Promise<unknown> {
    return runScript(this.#publisher, script, keysAndArguments);
  }

  ping(): void {
    // The client of a cluster looks after its connections itself.
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#renewal);
    clearTimeout(this.#lookout);
    await Promise.all([disconnect(this.#publisher), disconnect(this.#subscriber)]);
  }

  #createSubscriber(): Cluster {
    const subscriber = this.#client.duplicate([], {
      lazyConnect: true,
      keyPrefix: '',
      shardedSubscribers: this.#sharded,
      redisOptions: { ...this.#client.options.redisOptions, commandTimeout: SUBSCRIBE_TIMEOUT },
      // Its subscriptions don't survive the loss of all nodes for sure: a new client is made then.
      clusterRetryStrategy: () => null,
    });
    listen(subscriber, this.#observer);
    this.#watch(subscriber);
    this.#attempts = new Map();
    // Also when a slot has moved, or a node cut its subscriber: the client subscribes by itself then, and not at once.
    subscriber.on('subscribersReady', () => this.#moved());
    subscriber.on('end', () => {
      if (!this.#closed) this.#renewal = setTimeout(() => this.#renewSubscriber(), CONNECT_RETRY);
    });
    return subscriber;
  }

  #renewSubscriber(): void {
    this.#subscriber = this.#createSubscriber();
    // If it fails it ends, and is renewed again.
    this.#subscriber.connect().catch(() => undefined);
  }

  /** Tells what may have been missed, when the client has been answered for sure; once for all that moves meanwhile. */
  #moved(): void {
    if (this.#closed) return;
    this.#movedAgain = this.#lookout !== undefined;
    this.#lookout ??= setTimeout(() => {
      this.#lookout = undefined;
      this.#observer.missed();
      if (this.#movedAgain) this.#moved();
    }, SUBSCRIBE_TIMEOUT);
  }

  #watch(client: Cluster): void {
    client.on('error', (error: Error) => this.#observer.failed(error));
    client.on('close', () => {
      this.#losses++;
      this.#observer.lost();
    });
    client.on('ready', () => void this.#announce());
  }

  async #announce(): Promise<void> {
    await this.#openNodes();
    if (this.#publisher.status === 'ready' && this.#subscriber.status === 'ready') this.#observer.ready();
  }

  /**
   * Has the client connect to all nodes now. It would do so with the first message for each, which is lost if the client
   * learns more of the cluster meanwhile. A node that is away is not waited for long.
   */
  async #openNodes(): Promise<void> {
    for (let attempt = 0; attempt < OPEN_ATTEMPTS && this.#publisher.status === 'ready'; attempt++) {
      const pings = Promise.allSettled(this.#publisher.nodes('master').map((node) => node.ping()));
      const answers = await Promise.race([pings, delay(OPEN_TIMEOUT)]);
      if (answers?.every(({ status }) => status === 'fulfilled')) return;
      await delay(SUBSCRIBE_RETRY);
    }
  }

  #subscribeShard(subscriber: Cluster, name: string): Promise<void> {
    const attempts = this.#attempts;
    let attempt = attempts.get(name);
    if (attempt === undefined) {
      attempt = this.#attemptShard(subscriber, name).finally(() => attempts.delete(name));
      attempts.set(name, attempt);
    }
    return attempt;
  }

  /**
   * Subscribes to a channel on the node that has it. While the client learns, or learns anew, which node that is, it may
   * lose the command; then once more.
   */
  async #attemptShard(subscriber: Cluster, name: string): Promise<void> {
    while (this.#wanted.has(name) && this.#subscriber === subscriber && subscriber.status === 'ready') {
      try {
        await subscriber.ssubscribe(name);
        return;
      } catch (error) {
        if (isReplyError(error) && !NOT_NOW.test(error.message)) throw error;
      }
      await delay(SUBSCRIBE_RETRY);
    }
  }
}

/** Whether a cluster has sharded pub/sub, which came with Redis 7. */
export async function hasShardedPubSub(cluster: Cluster): Promise<boolean> {
  const probe = cluster.duplicate([], { lazyConnect: true, keyPrefix: '', clusterRetryStrategy: () => null });
  probe.on('error', () => undefined);
  try {
    await connect(probe);
    const version = /redis_version:(\d+)/.exec(await probe.info('server'));
    return Number(version?.[1]) >= 7;
  } catch {
    // It can't be reached: connecting will tell why.
    return true;
  } finally {
    probe.disconnect();
  }
}
