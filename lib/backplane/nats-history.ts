import { setTimeout as delay } from 'node:timers/promises';
import type { JetStreamClient, StoredMsg } from '@nats-io/jetstream';
import type { MsgHdrs } from '@nats-io/transport-node';
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
import type { NatsHistoryStreams, Place } from './nats-history-streams.js';
import {
  decodeRememberedMessage,
  encodeRememberedMessage,
  type RememberedMessage,
} from './remembered-message.js';

/** How often an append is tried again when other instances were faster, and how long it waits at most between, in milliseconds. */
const ATTEMPTS = 100;
const LONGEST_PAUSE = 20;
/** What the header of an append takes beside the lengths, and each of these. */
const HEADER_ROOM = 1_024;
const LENGTH_ROOM = 12;

/** Of how many channels it knows the newest message. */
const MOST_KNOWN = 10_000;

const NOT_THE_LAST = new Set([10_071, 10_164]);

/** The newest message of a channel. */
interface Newest extends TopicPosition {
  /** Its place in the stream; 0 if the stream has none of the channel. */
  readonly sequence: number;
}

/** What was appended in one step, and where it is in the stream. */
interface Stored extends RememberedMessage {
  readonly sequence: number;
  readonly time: number;
}

interface Waiting {
  readonly messages: readonly Uint8Array[];
  readonly bounds: HistoryBounds;
  readonly resolve: (first: TopicPosition) => void;
  readonly reject: (error: unknown) => void;
}

/** The connection that histories are kept over. */
export interface NatsHistoryLink {
  /** The longest message that the server takes; undefined while it is away. */
  maxPayload(): number | undefined;
  createHeaders(): MsgHdrs;
}

/**
 * Keeps histories in JetStream (reference 16.1). What is appended at once is one message of a stream. It is stored only if the
 * one that it follows is still the last of its channel, so that positions have no holes whoever appends.
 */
export class NatsHistory implements BackplaneHistory {
  /** Of the channels that were appended to last, so that an append need not ask. */
  readonly #newest = new Map<string, Newest>();
  /** What waits for an append of its channel to end. */
  readonly #queues = new Map<string, Waiting[]>();
  readonly #asking = new Set<(error: Error) => void>();
  /** Another one after each loss. */
  #connection: object = {};

  constructor(
    private readonly client: JetStreamClient,
    private readonly streams: NatsHistoryStreams,
    private readonly link: NatsHistoryLink,
  ) {}

  append(channel: string, messages: readonly Uint8Array[], bounds: HistoryBounds): Promise<TopicPosition> {
    const tooLong = messages.find(({ length }) => length > this.#room);
    if (tooLong !== undefined) {
      const problem = `${tooLong.length} bytes are more than the max_payload of NATS allows, ${this.link.maxPayload()}`;
      return Promise.reject(failure(`it can not append to the channel ${channel}: ${problem}`));
    }
    return this.#ask(`append to the channel ${channel}`, () => {
      return new Promise((resolve, reject) => {
        const waiting = { messages, bounds, resolve, reject };
        const queue = this.#queues.get(channel);
        if (queue !== undefined) {
          queue.push(waiting);
          return;
        }
        this.#queues.set(channel, [waiting]);
        void this.#empty(channel);
      });
    });
  }

  read(channel: string, after: number, limit: number, bounds: HistoryBounds): Promise<HistoryPage> {
    return this.#ask(`read the channel ${channel}`, async () => {
      const place = await this.streams.open(channel, bounds);
      const kept = await this.streams.keptIn(place, bounds);
      const newest = (await this.#findNewest(place)) ?? (await this.#begin(place));
      // The age is the stream's affair, whose clock is its own, unless others asked it for more.
      const youngerThan = kept.age > bounds.age ? Date.now() - bounds.age : 0;
      const { epoch, offset: last } = newest;
      const first = await this.#firstStored(
        place,
        newest,
        Math.max(1, last - bounds.messages + 1),
        youngerThan,
      );
      const oldest =
        first === undefined ? last + 1 : Math.max(first.first.offset, last - bounds.messages + 1);
      const begin = Math.max((after < 0 ? last + after : after) + 1, oldest);
      const entries = await this.#readFrom(place, newest, begin, limit, first);
      if (entries.length === 0 || entries[0]!.offset === begin)
        return { epoch, newest: last, oldest, entries };
      // Somebody took messages away, or they became too old meanwhile.
      return { epoch, newest: last, oldest: entries[0]!.offset, entries };
    });
  }

  forget(channel: string, epoch?: string): Promise<void> {
    return this.#ask(`forget the channel ${channel}`, async () => {
      const place = await this.streams.open(channel, { messages: 1, age: 1000 });
      for (;;) {
        const newest = await this.#findNewest(place);
        if (epoch !== undefined && newest?.epoch !== epoch) return;
        const begun = await this.#store(place, newest?.sequence ?? 0, { epoch: newEpoch(), offset: 1 }, []);
        if (begun === undefined) continue;
        this.#keep(place, begun);
        await this.streams.drop(place, begun.sequence);
        return;
      }
    });
  }

  /** The connection is lost: nothing that waits is sent over the next one. */
  lost(cause: Error): void {
    this.#connection = {};
    this.#clear();
    for (const queue of this.#queues.values()) queue.length = 0;
    this.#queues.clear();
    for (const reject of this.#asking) reject(cause);
  }

  /** What was known of the server may be no longer true. */
  #clear(): void {
    this.#newest.clear();
    this.streams.clear();
  }

  get #room(): number {
    return (this.link.maxPayload() ?? Infinity) - HEADER_ROOM - LENGTH_ROOM;
  }

  /** Appends what waits, one after the other; what came meanwhile goes together. */
  async #empty(channel: string): Promise<void> {
    const queue = this.#queues.get(channel)!;
    while (queue.length > 0) {
      const batch: Waiting[] = [];
      let room = this.#room + LENGTH_ROOM;
      while (queue.length > 0 && (batch.length === 0 || room > 0)) {
        for (const { length } of queue[0]!.messages) room -= length + LENGTH_ROOM;
        if (batch.length === 0 || room > 0) batch.push(queue.shift()!);
      }
      try {
        let { epoch, offset } = await this.#append(
          channel,
          batch.flatMap(({ messages }) => messages),
          batch[0]!.bounds,
        );
        for (const { messages, resolve } of batch) {
          resolve({ epoch, offset });
          offset += messages.length;
        }
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    if (this.#queues.get(channel) === queue) this.#queues.delete(channel);
  }

  async #append(
    channel: string,
    messages: readonly Uint8Array[],
    bounds: HistoryBounds,
  ): Promise<TopicPosition> {
    const connection = this.#connection;
    const place = await this.streams.open(channel, bounds);
    let first: TopicPosition | undefined;
    for (let begin = 0; begin < messages.length;) {
      let [end, room] = [begin, this.#room + LENGTH_ROOM];
      while (end < messages.length && (room -= messages[end]!.length + LENGTH_ROOM) >= 0) end++;
      const stored = await this.#appendPart(place, messages.slice(begin, end), connection);
      first ??= stored;
      if (stored.epoch !== first.epoch) throw new Error('the channel was forgotten meanwhile');
      begin = end;
    }
    return first!;
  }

  async #appendPart(
    place: Place,
    messages: readonly Uint8Array[],
    connection: object,
  ): Promise<TopicPosition> {
    for (let attempt = 1; ; attempt++) {
      const newest = this.#newest.get(place.subject) ?? (await this.#findNewest(place));
      const first = { epoch: newest?.epoch ?? newEpoch(), offset: (newest?.offset ?? 0) + 1 };
      this.#newest.delete(place.subject);
      // Who appends has been told that it is not known; so it is not done late.
      if (connection !== this.#connection) throw new Error('the connection was lost');
      const stored = await this.#store(place, newest?.sequence ?? 0, first, messages);
      if (stored !== undefined) {
        this.#keep(place, stored);
        return first;
      }
      if (attempt === ATTEMPTS) throw new Error('other instances were faster each time');
      await delay(Math.random() * Math.min(attempt, LONGEST_PAUSE));
    }
  }

  #keep({ subject }: Place, newest: Newest): void {
    this.#newest.set(subject, newest);
    if (this.#newest.size > MOST_KNOWN) this.#newest.delete(this.#newest.keys().next().value!);
  }

  /** Gives a channel that has no position its first. */
  async #begin(place: Place): Promise<Newest> {
    const begun = await this.#store(place, 0, { epoch: newEpoch(), offset: 1 }, []);
    return begun ?? (await this.#findNewest(place)) ?? this.#begin(place);
  }

  /** Stores messages behind a sequence; undefined if that is no longer the last of the channel. */
  async #store(
    { subject }: Place,
    after: number,
    first: TopicPosition,
    messages: readonly Uint8Array[],
  ): Promise<Newest | undefined> {
    const headers = this.link.createHeaders();
    // Not the stream that is expected: what mirrors it would refuse the message.
    headers.set('Nats-Expected-Last-Subject-Sequence', String(after));
    // Servers that keep a stream together may let in two that follow the same one; of the same name they let in one only.
    const msgID = `${first.epoch} ${first.offset} ${after}`;
    try {
      const { seq: sequence, duplicate } = await this.client.publish(
        subject,
        encodeRememberedMessage({ first, messages }),
        { headers, msgID },
      );
      if (duplicate) return undefined;
      return { sequence, epoch: first.epoch, offset: first.offset + messages.length - 1 };
    } catch (error) {
      if (NOT_THE_LAST.has((error as { code: number }).code)) return undefined;
      throw error;
    }
  }

  /** The newest message of a channel; undefined if there was none for a day. */
  async #findNewest(place: Place): Promise<Newest | undefined> {
    const last = await this.streams.last(place.stream, place);
    const sequence = last?.seq ?? 0;
    let found = last === null ? undefined : storedIn(last);
    // The last one is somebody else's.
    if (last !== null && found === undefined) {
      for (let next = await this.streams.next(place, 1); next !== null;) {
        found = storedIn(next) ?? found;
        next = await this.streams.next(place, next.seq + 1);
      }
    }
    if (found === undefined) {
      const remembered = await this.streams.last(place.positions, place);
      found = remembered === null ? undefined : storedIn(remembered);
    }
    if (found === undefined) return undefined;
    return { sequence, epoch: found.first.epoch, offset: lastOffset(found) };
  }

  /** The first that is stored with messages from an offset on, and young enough. The stream has the channels of others in between. */
  async #firstStored(
    place: Place,
    { epoch, sequence }: Newest,
    offset: number,
    youngerThan: number,
  ): Promise<Stored | undefined> {
    const isIt = (stored: Stored): boolean =>
      stored.first.epoch === epoch && lastOffset(stored) >= offset && stored.time > youngerThan;
    let low = 1;
    let high = sequence + 1;
    let found: Stored | undefined;
    while (low < high) {
      // The oldest is what is looked for most often.
      const middle = low === 1 ? 1 : Math.floor((low + high) / 2);
      const stored = await this.#nextStored(place, middle, high);
      if (stored === undefined) {
        high = middle;
      } else if (isIt(stored)) {
        found = stored;
        high = middle;
      } else {
        low = stored.sequence + 1;
      }
    }
    return found;
  }

  /** The first of ours from a sequence on, and before another. */
  async #nextStored(place: Place, from: number, before: number): Promise<Stored | undefined> {
    for (let sequence = from; sequence < before;) {
      const message = await this.streams.next(place, sequence);
      if (message === null || message.seq >= before) return undefined;
      const stored = storedIn(message);
      if (stored !== undefined) return stored;
      sequence = message.seq + 1;
    }
    return undefined;
  }

  async #readFrom(
    place: Place,
    newest: Newest,
    offset: number,
    limit: number,
    oldest: Stored | undefined,
  ): Promise<HistoryEntry[]> {
    const entries: HistoryEntry[] = [];
    if (limit <= 0 || offset > newest.offset || oldest === undefined) return entries;
    let stored: Stored | undefined =
      lastOffset(oldest) >= offset ? oldest : await this.#firstStored(place, newest, offset, 0);
    let bytes = 0;
    while (stored !== undefined) {
      for (const [index, message] of stored.messages.entries()) {
        const its = stored.first.offset + index;
        if (its < offset) continue;
        bytes += message.length;
        if (entries.length === limit || (bytes > PAGE_BYTES && entries.length > 0)) return entries;
        entries.push({ offset: its, message });
      }
      stored = await this.#nextStored(place, stored.sequence + 1, newest.sequence + 1);
    }
    return entries;
  }

  async #ask<T>(task: string, question: () => Promise<T>): Promise<T> {
    if (this.link.maxPayload() === undefined) throw failure(`NATS is away; it can not ${task}`);
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#asking.add(reject);
        question()
          .then(resolve, reject)
          .finally(() => this.#asking.delete(reject));
      });
    } catch (cause) {
      // It may have gone with what was known of it.
      this.#clear();
      throw failure(`NATS does not ${task}: ${(cause as Error).message}`, cause);
    }
  }
}

function failure(problem: string, cause?: unknown): BackplaneError {
  return new BackplaneError('NatsBackplane', problem, { cause });
}

function storedIn(message: StoredMsg): Stored | undefined {
  const remembered = decodeRememberedMessage(message.data);
  return remembered && { ...remembered, sequence: message.seq, time: message.time.getTime() };
}

function lastOffset({ first, messages }: RememberedMessage): number {
  return first.offset + messages.length - 1;
}
