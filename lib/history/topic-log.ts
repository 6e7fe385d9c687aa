import type {
  HistoryBounds,
  HistoryPage,
  TopicPosition,
  TopicRecovery,
  TopicSubscription,
} from '../interfaces/index.js';
import type { SharedMessage } from '../server/message/shared-message.js';
import type { Follower } from '../server/topic-history.js';
import { unpackMessage } from './entry.js';
import type { ChannelFollower, HistoryStore } from './history-store.js';
import type { ReadSlots } from './read-slots.js';
import { RecentMessages } from './recent-messages.js';
import { RememberedFrames } from './remembered-frames.js';

/** How many messages are read at once. */
export const PAGE_LENGTH = 128;

/** Batches of messages, and bytes of them, that wait while a hole is filled; past them they are read like the hole. */
const MAX_PENDING = 4_096;
const MAX_PENDING_BYTES = 256 * 1024;

/** When a store that refused is asked again: soon, then less and less often, in milliseconds. */
const FIRST_RETRY = 50;
const LAST_RETRY = 5_000;

/** How long a message that was appended here may be on its way before it is looked for, in milliseconds. */
const DELIVERY_TIMEOUT = 1_000;

/** What a log needs of the server's history. */
export interface LogOwner {
  readonly store: HistoryStore;
  readonly bounds: HistoryBounds;
  readonly slots: ReadSlots;
  /** Something went wrong; of each kind one is told a while. */
  report(kind: string, problem: string, cause: unknown): void;
}

/** A live subscriber: what it is left out of, it does not get. */
export interface LogMember {
  readonly follower: Follower;
  /** Whether a message that leaves these connections out is not for it. */
  isLeftOut(except: readonly number[]): boolean;
}

/** A subscriber on its way to be live, or there. */
export interface LogFollower extends LogMember {
  /** Resolves when it is live; the same at every call. */
  run(): Promise<TopicSubscription | undefined>;
  /**
   * It is not to be live any more.
   *
   * @param successor who takes its place: what that resolves with, this does if it was not live yet
   */
  cancel(successor?: LogFollower): void;
}

interface Batch {
  readonly first: TopicPosition;
  readonly messages: readonly Uint8Array[];
}

/**
 * One topic as this instance hears it: brings what comes into the order of the offsets, each message once, and reads what
 * is missing before it goes on (reference 16.2, 16.5).
 */
export class TopicLog implements ChannelFollower {
  readonly topic: string;
  readonly channel: string;
  /** All who subscribed here. */
  readonly followers = new Map<Follower, LogFollower>();
  /** Those who are live: what is new is for them. */
  readonly members = new Map<Follower, LogMember>();
  /** Resolves when the log knows where the topic stands; also when it is closed before. */
  readonly started: Promise<void>;
  readonly frames: RememberedFrames;
  readonly #owner: LogOwner;
  /** Where the topic stood when the log began. */
  firstPosition: TopicPosition = { epoch: '', offset: 0 };
  #epoch = '';
  #offset = 0;
  /** The newest offset of the epoch that is known of. */
  #newest = 0;
  #started = false;
  #filling = false;
  /** Whether what was read last may not be all. */
  #stale = false;
  #pending: Batch[] = [];
  #pendingBytes = 0;
  /** What came while somebody catches up. */
  readonly recent = new RecentMessages();
  #closed = false;
  #filled: Promise<void>;
  /** Ends the wait for the next attempt. */
  #retryNow: () => void = () => undefined;
  /** Why the log does not know yet where the topic stands, if that can't be read. */
  #problem: unknown;
  /** Tells whoever waits for the start of such a problem. */
  #giveUp: (problem: unknown) => void = () => undefined;
  #lookout: NodeJS.Timeout | undefined;
  /** When something came last, or was looked for, in milliseconds of `performance.now()`. */
  #heardAt = performance.now();
  #expected: TopicPosition = { epoch: '', offset: 0 };

  constructor(topic: string, channel: string, owner: LogOwner) {
    this.topic = topic;
    this.channel = channel;
    this.#owner = owner;
    this.frames = new RememberedFrames(topic);
    // Asked for before anything that is published from now on, so that its first subscriber misses none of it.
    this.#filling = true;
    this.started = this.#filled = this.#start();
    owner.store.follow(channel, this);
  }

  /** Where the topic stands for those who are live here. */
  get position(): TopicPosition {
    return { epoch: this.#epoch, offset: this.#offset };
  }

  get isStarted(): boolean {
    return this.#started;
  }

  get offset(): number {
    return this.#offset;
  }

  /** The newest offset that is known of: what is between {@link offset} and this is still to come. */
  get newest(): number {
    return Math.max(this.#newest, this.#offset);
  }

  get epoch(): string {
    return this.#epoch;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Waits for the start; rejects when it turns out that where the topic stands can't be read. */
  async whenStarted(): Promise<void> {
    if (this.#started) return;
    if (this.#problem !== undefined) throw this.#problem;
    await Promise.race([this.started, new Promise<never>((_resolve, reject) => (this.#giveUp = reject))]);
  }

  close(): void {
    this.#closed = true;
    this.#owner.store.unfollow(this.channel);
    this.#retryNow();
    clearTimeout(this.#lookout);
    this.#drop();
  }

  remembered(first: TopicPosition, messages: readonly Uint8Array[]): void {
    this.#heardAt = performance.now();
    this.#knows(first.epoch, first.offset + messages.length - 1);
    if (this.#filling) this.#wait({ first, messages });
    else if (!this.#take({ first, messages })) void this.#fill();
  }

  missed(): void {
    this.#retryNow();
    void this.refresh();
  }

  /** A message was appended here, and should come back soon. */
  expect({ epoch, offset }: TopicPosition): void {
    if (this.#closed || this.#has(epoch, offset)) return;
    this.#expected = { epoch, offset };
    this.#knows(epoch, offset);
    this.#lookout ??= setTimeout(() => {
      this.#lookout = undefined;
      if (!this.#has(this.#expected.epoch, this.#expected.offset)) this.missed();
    }, DELIVERY_TIMEOUT).unref();
  }

  /** Whether nothing has come for so long, in milliseconds; never while it reads. */
  isQuietFor(time: number, now: number): boolean {
    return this.#started && !this.#filling && now - this.#heardAt >= time;
  }

  /** Asks once whether a last message was missed, after which nothing came that would show it (reference 16.5). */
  async lookForMissed(): Promise<void> {
    const { store, bounds, slots } = this.#owner;
    const known = this.#offset;
    this.#heardAt = performance.now();
    try {
      const { epoch, newest } = await slots.run(() => store.read(this.channel, known, 0, bounds));
      if (epoch !== this.#epoch || newest < known || newest > this.#offset) this.missed();
    } catch {
      // The next look finds it. An outage is told of elsewhere, and all is read when it is over.
    }
  }

  /** Reads as far as the topic has come by now. Resolves when this log is there, or closed. */
  async refresh(): Promise<void> {
    // Also while it reads: that may have been asked for too early.
    this.#stale = true;
    await this.#fill();
  }

  /** A page of the topic's history; undefined if the log is closed before there is one. */
  async read(after: number, limit: number): Promise<HistoryPage | undefined> {
    const { store, bounds, slots } = this.#owner;
    for (let delay = FIRST_RETRY; !this.#closed; delay = Math.min(delay * 2, LAST_RETRY)) {
      try {
        const page = await slots.run(() => store.read(this.channel, after, limit, bounds));
        this.#problem = undefined;
        return page;
      } catch (error) {
        if (this.#closed) break;
        this.#problem = error ?? new Error('No reason');
        this.#giveUp(this.#problem);
        this.#owner.report('not read', `The history of the topic ${this.topic} can not be read`, error);
        await this.#retryIn(delay);
      }
    }
    return undefined;
  }

  async #start(): Promise<void> {
    const page = await this.read(0, 0);
    if (page !== undefined) {
      this.#epoch = page.epoch;
      this.#offset = page.newest;
      this.firstPosition = this.position;
      await this.#readOn();
    }
    this.#started = true;
  }

  #knows(epoch: string, offset: number): void {
    if (epoch === this.#epoch && offset > this.#newest) this.#newest = offset;
  }

  #has(epoch: string, offset: number): boolean {
    return epoch !== this.#epoch || offset <= this.#offset;
  }

  #wait(batch: Batch): void {
    for (const { length } of batch.messages) this.#pendingBytes += length;
    if (this.#pending.length < MAX_PENDING && this.#pendingBytes <= MAX_PENDING_BYTES) {
      this.#pending.push(batch);
    } else {
      this.#drop();
      this.#stale = true;
    }
  }

  #drop(): void {
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  /** Delivers what waits, as far as nothing is missing before it; returns whether nothing is left. */
  #takePending(): boolean {
    const pending = this.#pending;
    const missing = pending.findIndex((batch) => !this.#take(batch));
    if (missing === -1) this.#drop();
    else this.#pending = pending.slice(missing);
    return missing === -1;
  }

  /** Reads what is known to be missing; one read at a time. */
  #fill(): Promise<void> {
    if (!this.#filling && !this.#closed) {
      this.#filling = true;
      this.#filled = this.#readOn();
    }
    return this.#filled;
  }

  async #readOn(): Promise<void> {
    do {
      // What comes in order needs no reading.
      if (!this.#stale && this.#takePending()) continue;
      this.#stale = false;
      const page = await this.read(this.#offset, PAGE_LENGTH);
      if (page === undefined) break;
      if (page.epoch !== this.#epoch) {
        this.#restart(page.epoch);
        this.#stale = true;
      } else if (page.newest < this.#offset) {
        // The store lost the end of what it remembered: offsets would be given out twice.
        await this.#forget();
        this.#stale = true;
      } else {
        this.#knows(page.epoch, page.newest);
        this.#takePage(page);
        // Nor does what came meanwhile: more may come than can be read.
        const isTaken = this.#takePending();
        if (this.#offset < page.newest) this.#stale = true;
        else if (!isTaken) this.#drop();
      }
    } while ((this.#stale || this.#pending.length > 0) && !this.#closed);
    // At once: what comes before the caller goes on would wait for a read that never is.
    this.#filling = false;
  }

  /** Delivers what is new of a batch; returns whether nothing is missing before it. */
  #take({ first, messages }: Batch): boolean {
    if (first.epoch !== this.#epoch || first.offset > this.#offset + 1) {
      this.#stale = true;
      return false;
    }
    for (let index = this.#offset + 1 - first.offset; index < messages.length; index++) {
      this.#deliver(this.#offset + 1, messages[index]!);
    }
    return true;
  }

  #takePage({ oldest, newest, entries }: HistoryPage): void {
    if (oldest > this.#offset + 1) {
      const lost = Math.min(oldest - 1, newest) - this.#offset;
      this.#offset += lost;
      this.#tellMembers({ recovered: false, lost });
      this.#owner.report(
        'lost',
        `This instance missed more of the topic ${this.topic} than its history keeps: ${lost} messages are lost`,
        new Error(`The history begins at the offset ${oldest}`),
      );
    }
    for (const { offset, message } of entries) {
      if (offset <= this.#offset) continue;
      // What somebody else wrote between is no message of ours.
      this.#offset = offset - 1;
      this.#deliver(offset, message);
    }
    // What is left between was not ours either, or is too old by now.
    const last = entries.at(-1);
    if (last === undefined) this.#offset = Math.max(this.#offset, newest);
  }

  #deliver(offset: number, bytes: Uint8Array): void {
    this.#offset = offset;
    const remembered = unpackMessage(bytes);
    if (remembered === undefined) {
      this.reportForeign(offset);
      return;
    }
    if (this.members.size === 0 && !this.recent.isWanted) return;
    const message: SharedMessage = this.frames.of(offset, remembered);
    const { except } = remembered;
    this.recent.keep({ offset, except, message }, remembered.payload.length);
    if (except.length === 0) for (const { follower } of this.members.values()) follower.deliver(message);
    else {
      for (const member of this.members.values()) {
        if (!member.isLeftOut(except)) member.follower.deliver(message);
      }
    }
  }

  reportForeign(offset: number): void {
    this.#owner.report(
      'foreign',
      `A message in the history of the topic ${this.topic} is ignored`,
      new Error(`What is at the offset ${offset} was not written by this release of nestjs-4d-websocket`),
    );
  }

  /** The store lost its memory, or was told to forget. */
  #restart(epoch: string): void {
    const known = this.#epoch !== '';
    this.#epoch = epoch;
    this.#offset = 0;
    this.#newest = 0;
    this.recent.clear();
    if (known) this.#tellMembers({ recovered: false, lost: undefined });
  }

  async #forget(): Promise<void> {
    try {
      await this.#owner.store.forget(this.channel, this.#epoch);
    } catch (error) {
      this.#owner.report('not forgotten', `The topic ${this.topic} can not begin a new epoch`, error);
      await this.#retryIn(LAST_RETRY);
    }
  }

  #tellMembers(recovery: TopicRecovery): void {
    for (const { follower } of this.members.values()) {
      follower.resuming?.resumes(this.topic, this.position, recovery);
      follower.resuming?.resumed(this.topic);
    }
  }

  #retryIn(delay: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, delay * (1 + Math.random() / 4));
      this.#retryNow = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
