import type { Redis, RedisOptions } from 'ioredis';
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

/** A link to one Redis, or to the master that its sentinels name. */
export class RedisSingleLink implements RedisLink {
  readonly address: string;
  readonly publishCommand = 'PUBLISH';
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
    defineScripts(this.#publisher);
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

  subscribe(names: readonly string[]): Promise<void> {
    return subscribe(this.#subscriber, names);
  }

  unsubscribe(names: readonly string[]): void {
    unsubscribe(this.#subscriber, names);
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

  run(script: HistoryScript, keysAndArguments: readonly (string | number | Buffer)[]): Promise<unknown> {
    this.#cork();
    return runScript(this.#publisher, script, keysAndArguments);
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
