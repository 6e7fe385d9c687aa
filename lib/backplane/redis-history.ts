import { BackplaneError } from '../errors/backplane.error.js';
import type {
  BackplaneHistory,
  HistoryBounds,
  HistoryEntry,
  HistoryPage,
  TopicPosition,
} from '../interfaces/index.js';
import { newEpoch } from '../remembered/epoch.js';
import { PAGE_BYTES } from '../remembered/page-size.js';
import { isReplyError, type HistoryScript, type RedisLink } from './redis-link.js';
import { keyInSlotOf } from './redis-slot.js';

const NAME = 'RedisBackplane';
/** How many messages a page has at most: Redis does nothing else while it reads them. */
const PAGE_LENGTH = 1_000;

/** What to do about Redis's refusals. */
const ADVICE: readonly (readonly [refusal: RegExp, advice: string])[] = [
  [/NOPERM|can't run this command/, 'its user needs what docs/history-stores.md lists under "Permissions"'],
  [/^OOM/, 'Redis has used up its maxmemory: give it more, or keep fewer messages'],
  [/^READONLY/, 'it is a replica: connect to the master'],
  [/invalid bulk length/, 'a message is longer than its proto-max-bulk-len'],
  [/unknown command|Unknown Redis command/i, 'history needs Redis 6.2 or Valkey'],
  [/WRONGTYPE/, 'somebody else uses the key: choose another prefix'],
];

/** Keeps histories in streams of Redis (reference 16.1). What it does there is in `redis-history-scripts.ts`. */
export class RedisHistory implements BackplaneHistory {
  /**
   * @param prefix what the names of channels begin with
   * @param link the link to Redis; undefined while Redis is away
   * @param strange hears of entries that somebody else wrote
   */
  constructor(
    private readonly prefix: string,
    private readonly link: () => RedisLink | undefined,
    private readonly strange: (channel: string, error: Error) => void,
  ) {}

  async append(
    channel: string,
    messages: readonly Uint8Array[],
    { messages: keep, age }: HistoryBounds,
  ): Promise<TopicPosition> {
    const name = this.prefix + channel;
    const answer = (await this.#run(`append to the channel ${channel}`, 'appendHistory', name, (link) => [
      newEpoch(),
      keep,
      age,
      link.publishCommand,
      name,
      ...messages.map(bufferOf),
    ])) as [Buffer, Buffer, number];
    this.#tellStrange(channel, answer[2], 'were removed, since they stood where messages are to come');
    return { epoch: answer[0].toString(), offset: Number(answer[1]) };
  }

  async read(
    channel: string,
    after: number,
    limit: number,
    { messages: keep, age }: HistoryBounds,
  ): Promise<HistoryPage> {
    const name = this.prefix + channel;
    const answer = (await this.#run(`read the channel ${channel}`, 'readHistory', name, () => [
      newEpoch(),
      after,
      Math.min(limit, PAGE_LENGTH),
      PAGE_BYTES,
      keep,
      age,
    ])) as [
      epoch: Buffer,
      newest: Buffer,
      oldest: Buffer,
      first: Buffer,
      messages: Buffer[],
      strange: number,
    ];
    const [epoch, newest, oldest, first, messages, strange] = answer;
    this.#tellStrange(channel, strange, 'are none of ours');
    const entries = messages.map((message, index): HistoryEntry => {
      return { offset: Number(first) + index, message };
    });
    return { epoch: epoch.toString(), newest: Number(newest), oldest: Number(oldest), entries };
  }

  async forget(channel: string, epoch = ''): Promise<void> {
    const name = this.prefix + channel;
    await this.#run(`forget the channel ${channel}`, 'forgetHistory', name, () => [newEpoch(), epoch]);
  }

  #tellStrange(channel: string, count: number, what: string): void {
    if (count === 0) return;
    const key = `${keyInSlotOf(this.prefix + channel, this.prefix)}:messages`;
    this.strange(channel, new BackplaneError(NAME, `${count} entries of the stream ${key} ${what}`));
  }

  /** @param task what Redis is asked for, for messages to people */
  async #run(
    task: string,
    script: HistoryScript,
    name: string,
    createArguments: (link: RedisLink) => (string | number | Buffer)[],
  ): Promise<unknown> {
    const link = this.link();
    if (link === undefined) throw new BackplaneError(NAME, `Redis is away; it can not ${task}`);
    const key = keyInSlotOf(name, this.prefix);
    try {
      return await link.run(script, [`${key}:messages`, `${key}:position`, ...createArguments(link)]);
    } catch (cause) {
      throw failure(task, link, cause);
    }
  }
}

function failure(task: string, { address }: RedisLink, cause: unknown): BackplaneError {
  if (!isReplyError(cause)) {
    const problem = `it can not be known whether ${address} did ${task}: ${(cause as Error).message}`;
    return new BackplaneError(NAME, problem, { cause });
  }
  const [, advice] = ADVICE.find(([refusal]) => refusal.test(cause.message)) ?? [];
  const problem = `${address} refuses to ${task}: ${cause.message}`;
  return new BackplaneError(NAME, advice === undefined ? problem : `${problem} (${advice})`, { cause });
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
