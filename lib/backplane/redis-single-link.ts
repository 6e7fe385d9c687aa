import type { Redis, RedisOptions } from 'ioredis';
import {
  connect,
  disconnect,
  isReplyError,
  listen,
  type RedisLink,
  type RedisLinkObserver,
} from './redis-link.js';

/** How many channels go into one SUBSCRIBE. */
const CHANNELS_A_COMMAND = 500;

/** A link to one Redis, or to the master that its sentinels name. */
export class RedisSingleLink implements RedisLink {
  readonly address: string;
  readonly #observer: RedisLinkObserver;
  readonly #publisher: Redis;
  readonly #subscriber: Redis;
  #corked = false;

  /** @param create makes a client that is not connected yet */
  constructor(create: () => Redis, observer: RedisLinkObserver) {
    this.#observer = observer;
    this.#publisher = create();
    this.#subscriber = create();
    this.address = addressOf(this.#publisher.options);
    listen(this.#subscriber, observer);
    for (const client of [this.#publisher, this.#subscriber]) {
      client.on('error', (error: Error) => observer.failed(error));
      client.on('close', () => observer.lost());
      client.on('ready', () => this.#ready());
    }
  }

  async connect(): Promise<void> {
    await Promise.all([connect(this.#publisher), connect(this.#subscriber)]);
  }

  async subscribe(names: readonly string[]): Promise<void> {
    const commands: Promise<unknown>[] = [];
    for (let index = 0; index < names.length; index += CHANNELS_A_COMMAND) {
      commands.push(this.#subscriber.subscribe(...names.slice(index, index + CHANNELS_A_COMMAND)));
    }
    for (const command of await Promise.allSettled(commands)) {
      // What an outage takes is made up for after it.
      if (command.status === 'rejected' && isReplyError(command.reason)) throw command.reason;
    }
  }

  unsubscribe(names: readonly string[]): void {
    // Whoever is not subscribed because of an outage need not unsubscribe.
    this.#subscriber.unsubscribe(...names).catch(() => undefined);
  }

  async publish(name: string, message: Buffer): Promise<void> {
    this.#cork();
    try {
      await this.#publisher.publish(name, message);
    } catch (error) {
      // All but Redis's own refusals are of an outage, which is told already.
      if (isReplyError(error)) throw error;
    }
  }

  /** Without an answer within its `socketTimeout` ioredis closes the socket, which otherwise nobody might notice for hours. */
  ping(): void {
    for (const client of [this.#publisher, this.#subscriber]) client.ping().catch(() => undefined);
  }

  async close(): Promise<void> {
    await Promise.all([disconnect(this.#publisher), disconnect(this.#subscriber)]);
  }

  #ready(): void {
    if (this.#publisher.status === 'ready' && this.#subscriber.status === 'ready') this.#observer.ready();
  }

  /** The commands of one turn leave in one system call. */
  #cork(): void {
    if (this.#corked || this.#publisher.status !== 'ready') return;
    const { stream } = this.#publisher;
    this.#corked = true;
    stream.cork();
    process.nextTick(() => {
      this.#corked = false;
      stream.uncork();
    });
  }
}

function addressOf({ sentinels, path, host, port }: RedisOptions): string {
  if (sentinels) return 'the Redis of its sentinels';
  return `Redis at ${path ?? `${host}:${port}`}`;
}
