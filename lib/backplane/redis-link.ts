import type { Cluster, Redis, RedisOptions } from 'ioredis';

/** What a link tells its backplane. */
export interface RedisLinkObserver {
  receive(name: string, message: Buffer): void;
  /** Both connections are there; nothing is subscribed to yet. */
  ready(): void;
  /** A connection was lost. */
  lost(): void;
  /** Something went wrong: the reason of the next loss. */
  failed(error: Error): void;
}

/**
 * A connection that publishes and one that is subscribed, to one Redis or to a Redis Cluster. It connects again by itself,
 * and leaves it to its backplane to subscribe again.
 */
export interface RedisLink {
  /** Where it goes, for messages to people; without a password. */
  readonly address: string;
  /** Resolves after its observer's `ready`; rejects if the first attempt fails. Others follow, until it is closed. */
  connect(): Promise<void>;
  /** Rejects if Redis refuses. */
  subscribe(names: readonly string[]): Promise<void>;
  unsubscribe(names: readonly string[]): void;
  /** Rejects if Redis refuses, or could not be asked. */
  publish(name: string, message: Buffer): Promise<void>;
  /** Has the client notice a connection that is dead. */
  ping(): void;
  close(): Promise<void>;
}

/**
 * Nothing waits while Redis is away, and nothing is sent twice: what can't be delivered now is lost, which is what "at
 * most once" means (SPEC 14.3).
 */
export const AT_MOST_ONCE = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  // Channels are names of our own already.
  keyPrefix: '',
} as const satisfies RedisOptions;

/** Redis answered, with an error; anything else is a failure on the way. */
export function isReplyError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** Hands the messages of a subscribed client on. */
export function listen(subscriber: Redis | Cluster, observer: RedisLinkObserver): void {
  const onMessage = (channel: Buffer, message: Buffer): void => observer.receive(channel.toString(), message);
  // The events in Buffers are not in the types.
  subscriber.on('messageBuffer' as 'message', onMessage as never);
  subscriber.on('smessageBuffer' as 'message', onMessage as never);
}

/**
 * Connects; rejects if the first attempt fails. The promise of ioredis itself may stay open if a node of a cluster is not
 * ready yet.
 */
export function connect(client: Redis | Cluster): Promise<void> {
  return new Promise((resolve, reject) => {
    client.once('ready', resolve);
    client.once('close', () => reject(new Error('the connection closed')));
    client.connect().catch(reject);
  });
}

/** Ends a connection, or the attempts to make one. */
export async function disconnect(client: Redis | Cluster): Promise<void> {
  const isConnected = client.status === 'ready';
  const ended = new Promise((resolve) => client.once('end', resolve));
  client.disconnect();
  // Without a connection there may be nothing left to end. ioredis waits for two seconds at most.
  if (isConnected) await ended;
}
