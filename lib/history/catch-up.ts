import type { TopicPosition, TopicRecovery, TopicSubscription } from '../interfaces/index.js';
import type { Follower } from '../server/topic-history.js';
import type { PageCache, PastPage } from './page-cache.js';
import type { PastMessage } from './past-message.js';
import type { ReplayTurns } from './replay-turns.js';
import type { LogFollower, TopicLog } from './topic-log.js';

/** Bytes that may wait for a client while it catches up (reference 16.8). */
const REPLAY_BUFFER = 256 * 1024;

/** Pages with fewer messages are sent at once: whoever is nearly live is not to wait until there are more. */
const SMALL_PAGE = 16;

const NOTHING: readonly PastMessage[] = [];

/** Where a connection begins to follow a topic. */
export interface StartingPoint {
  /** A place in the past, or how many messages before what is live. */
  readonly from: TopicPosition | number;
  /** Whether the client brought it, and is told what became of it. */
  readonly brought: boolean;
  /** Where it begins if the place is not known any more. */
  readonly otherwise: TopicPosition | number | undefined;
}

/**
 * Brings one connection from a place in the past to where the topic is live, with no hole and no double between (reference
 * 16.3). It holds nothing back meanwhile: what comes in is in the history, and is read from there.
 */
export class CatchUp implements LogFollower {
  readonly follower: Follower;
  readonly #log: TopicLog;
  readonly #pages: PageCache;
  readonly #turns: ReplayTurns;
  readonly #start: StartingPoint | undefined;
  #running: Promise<TopicSubscription | undefined> | undefined;
  #cancelled = false;
  #successor: LogFollower | undefined;
  #told = false;
  #lost: number | undefined = 0;

  /** @param start undefined for a connection that wants nothing of the past */
  constructor(
    follower: Follower,
    log: TopicLog,
    pages: PageCache,
    turns: ReplayTurns,
    start: StartingPoint | undefined,
  ) {
    this.follower = follower;
    this.#log = log;
    this.#pages = pages;
    this.#turns = turns;
    this.#start = start;
  }

  get #recovery(): TopicRecovery {
    return { recovered: this.#lost === 0, lost: this.#lost };
  }

  isLeftOut(except: readonly number[]): boolean {
    const { id, resuming } = this.follower;
    return except.some((each) => each === id || resuming?.earlierIds.has(each) === true);
  }

  /** The connection closed, left the topic, or begins anew elsewhere. */
  cancel(successor?: LogFollower): void {
    this.#cancelled = true;
    this.#successor = successor;
  }

  /** Resolves when the connection is live; with undefined if it was cancelled before. */
  run(): Promise<TopicSubscription | undefined> {
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<TopicSubscription | undefined> {
    const subscription = await this.#catchUp();
    if (this.#start?.brought === true) {
      const { resuming } = this.follower;
      if (subscription === undefined) resuming?.abandoned(this.#log.topic);
      else resuming?.resumed(this.#log.topic);
    }
    return subscription ?? this.#successor?.run();
  }

  async #catchUp(): Promise<TopicSubscription | undefined> {
    const log = this.#log;
    // Whoever wants nothing of the past is live at once: what is published from now on is for it.
    if (this.#start === undefined && log.isStarted) return this.#goLive();
    await log.started;
    log.recent.begin();
    try {
      return await this.#read(await this.#startingPosition(this.#start?.from ?? log.firstPosition));
    } finally {
      log.recent.end();
    }
  }

  /** Reads the history until the topic is reached where it is live. */
  async #read({ epoch, offset }: TopicPosition): Promise<TopicSubscription | undefined> {
    const log = this.#log;
    let at = offset;
    while (!this.#isOver) {
      // The history began anew meanwhile: offsets of before mean nothing in it.
      if (log.epoch !== epoch) {
        this.#lost = undefined;
        this.#told = false;
        return this.#read(log.position);
      }
      const recent = at === log.offset ? NOTHING : log.recent.after(at);
      if (recent !== undefined) {
        this.#tell({ epoch: log.epoch, offset: at });
        for (const each of recent) this.#send(each);
        return this.#goLive();
      }
      const page = await this.#pages.read(log, at);
      if (page !== undefined && page.messages.length >= SMALL_PAGE) await this.#turns.next();
      if (page === undefined || this.#isOver) break;
      if (log.epoch !== epoch) continue;
      if (page.epoch !== epoch) {
        // The log is to see it, too.
        await log.refresh();
        continue;
      }
      at = this.#replay(at, page);
      if (!(await this.#drained())) break;
    }
    return undefined;
  }

  get #isOver(): boolean {
    return this.#cancelled || this.#log.closed || !this.follower.isOpen;
  }

  /** The position after which messages are replayed. */
  async #startingPosition(from: TopicPosition | number): Promise<TopicPosition> {
    const log = this.#log;
    const last = (count: number): TopicPosition => ({
      epoch: log.epoch,
      offset: Math.max(0, log.offset - count),
    });
    if (typeof from === 'number') return last(from);
    const { epoch, offset } = from;
    // Another instance may be ahead of this one.
    if (epoch !== log.epoch || offset > log.offset) await log.refresh();
    if (epoch === log.epoch && offset <= log.offset) return from;
    // From another epoch, or from the future: it is not known, and neither is what was missed.
    this.#lost = undefined;
    const { otherwise } = this.#start ?? {};
    if (typeof otherwise === 'number') return last(otherwise);
    return otherwise?.epoch === log.epoch && otherwise.offset <= log.offset ? otherwise : log.position;
  }

  /** Sends a page, as far as the topic is live; returns where that is. */
  #replay(after: number, { oldest, newest, messages }: PastPage): number {
    const log = this.#log;
    const end = Math.min(newest, log.offset);
    let at = after;
    if (oldest > at + 1) {
      // The last so many are as many as there are.
      const counts = typeof this.#start?.from !== 'number';
      const first = Math.min(oldest - 1, end);
      if (counts && this.#lost !== undefined) this.#lost += first - at;
      at = first;
      this.#told = false;
    }
    this.#tell({ epoch: log.epoch, offset: at });
    for (const { offset, except, message } of messages) {
      if (offset > end) return end;
      if (offset <= at) continue;
      at = offset;
      this.#send({ except, message });
    }
    // Without a message there is none of ours up to the end.
    return messages.length === 0 ? end : at;
  }

  #send({ except, message }: Pick<PastMessage, 'except' | 'message'>): void {
    if (message === undefined || (except.length > 0 && this.isLeftOut(except))) return;
    this.follower.deliver(message);
  }

  #goLive(): TopicSubscription {
    const log = this.#log;
    const { position } = log;
    this.#tell(position);
    log.members.set(this.follower, this);
    return { position, ...this.#recovery };
  }

  /** Tells a client that speaks the sub-protocol where it stands, once, and when something was lost. */
  #tell(position: TopicPosition): void {
    if (this.#told) return;
    this.#told = true;
    const { resuming } = this.follower;
    if (this.#start?.brought === true) resuming?.resumes(this.#log.topic, position, this.#recovery);
    else resuming?.follows(this.#log.topic, position);
  }

  async #drained(): Promise<boolean> {
    try {
      await this.follower.drain(REPLAY_BUFFER);
      return true;
    } catch {
      // It closed.
      return false;
    }
  }
}
