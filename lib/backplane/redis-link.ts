import type { Cluster, Redis, RedisOptions } from 'ioredis';
import { HISTORY_SCRIPTS } from './redis-history-scripts.js';

/** How many channels go into one command. */
const CHANNELS_A_COMMAND = 500;

/** Redis refuses a whole command for one channel that the user may not hear. */
const FORBIDDEN_CHANNEL = /^NOPERM .*channel/;

/** What Redis does for channels with history, as commands that clients learn from {@link defineScripts}. */
export type HistoryScript = keyof typeof HISTORY_SCRIPTS;

/** What a link tells its backplane. */
export interface RedisLinkObserver {
  receive(name: string, message: Buffer): void;
  /** Both connections are there; nothing is subscribed to yet. */
  ready(): void;
  /** A connection was lost. */
  lost(): void;
  /** Channels were subscribed to anew while the connection was there: what was published between was not heard. */
  missed(): void;
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
  /** Rejects if Redis refuses any of them; the others are subscribed to. It may be asked again for all of them. */
  subscribe(names: readonly string[]): Promise<void>;
  unsubscribe(names: readonly string[]): void;
  /** Rejects if Redis refuses, or could not be asked. */
  publish(name: string, message: Buffer): Promise<void>;
  /** The command that publishes on the channels that are subscribed to. */
  readonly publishCommand: 'PUBLISH' | 'SPUBLISH';
  /**
   * Runs a script of the history: two keys, then its arguments. Rejects if Redis refuses, and if its answer does not come; then nobody
   * knows whether it ran.
   */
  run(script: HistoryScript, keysAndArguments: readonly (string | number | Buffer)[]): Promise<unknown>;
  /** Has the client notice a connection that is dead. */
  ping(): void;
  close(): Promise<void>;
}

/**
 * Nothing waits while Redis is away, and nothing is sent twice: what can't be delivered now is lost, which is what "at
 * most once" means (reference 14.3).
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

/** Subscribes to any number of channels; rejects if Redis refuses. What an outage takes is made up for after it. */
export function subscribe(client: Redis | Cluster, names: readonly string[]): Promise<void> {
  return settled(commandsOf(names).map((some) => subscribeAtOnce(client, some)));
}

/** Unsubscribes from any number of channels. */
export function unsubscribe(client: Redis | Cluster, names: readonly string[]): void {
  for (const some of commandsOf(names)) {
    // Whoever is not subscribed because of an outage need not unsubscribe.
    client.unsubscribe(...some).catch(() => undefined);
  }
}

async function subscribeAtOnce(client: Redis | Cluster, names: readonly string[]): Promise<void> {
  try {
    await client.subscribe(...names);
  } catch (error) {
    // Without a connection it is an outage; with one it is a command that was lost, or took too long.
    if (!isReplyError(error) && client.status !== 'ready') return;
    if (names.length === 1 || !FORBIDDEN_CHANNEL.test((error as Error).message)) throw error;
    const half = Math.ceil(names.length / 2);
    await settled([
      subscribeAtOnce(client, names.slice(0, half)),
      subscribeAtOnce(client, names.slice(half)),
    ]);
  }
}

function commandsOf(names: readonly string[]): string[][] {
  const commands: string[][] = [];
  for (let index = 0; index < names.length; index += CHANNELS_A_COMMAND) {
    commands.push(names.slice(index, index + CHANNELS_A_COMMAND));
  }
  return commands;
}

/** Waits for all of them; then rejects if one did. */
async function settled(promises: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(promises)) {
    if (result.status === 'rejected') throw result.reason;
  }
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

/** Teaches a client the scripts of the history. Redis learns each of them when it is run first. */
export function defineScripts(client: Redis | Cluster): void {
  for (const [script, definition] of Object.entries(HISTORY_SCRIPTS))
    client.defineCommand(script, definition);
}

/** Runs a script; its answer comes in Buffers. */
export function runScript(
  client: Redis | Cluster,
  script: HistoryScript,
  keysAndArguments: readonly (string | number | Buffer)[],
): Promise<unknown> {
  const command = `${script}Buffer` as const;
  type Scripts = Record<typeof command, (...args: readonly unknown[]) => Promise<unknown>>;
  return (client as unknown as Scripts)[command](...keysAndArguments);
}
