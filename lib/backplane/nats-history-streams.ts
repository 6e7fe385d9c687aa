import { createHash } from 'node:crypto';
import type { JetStreamManager, NextMsgRequest, StoredMsg, StreamConfig } from '@nats-io/jetstream';
import type { HistoryBounds } from '../interfaces/index.js';
import { subjectName } from './nats-subject.js';

/** How long the last message of a quiet channel is kept, whatever its bounds, for the position in it. */
const IDLE_TIME = 25 * 60 * 60 * 1000;
/** How long a stream keeps messages at least, in milliseconds: what mirrors it takes seconds to begin, or to return. */
const LEAST_AGE = 60_000;
/** How long the names of appends are known, in milliseconds: longer than one can be on its way between servers. */
const NAMES_AGE = 30_000;
const NANOSECONDS = 1_000_000;
const STREAM_NOT_FOUND = 10_059;

/** Where a channel is kept. */
export interface Place {
  /** Keeps the messages. */
  readonly stream: string;
  /** Keeps the last message of each channel for longer. */
  readonly positions: string;
  readonly subject: string;
}

/** How much a stream keeps: the most that an instance has asked it for. */
interface Kept {
  readonly messages: number;
  readonly age: number;
}

/**
 * The streams of the histories. Channels of one server, whose names are the same up to a `#`, share two: one keeps their messages,
 * the other mirrors it and keeps only the last message of each channel, but longer, so that a quiet channel keeps its epoch.
 */
export class NatsHistoryStreams {
  /** What the streams that are there keep, as far as this instance knows. */
  readonly #kept = new Map<string, Promise<Kept>>();

  /** @param prefix what all subjects begin with */
  constructor(
    private readonly manager: JetStreamManager,
    private readonly prefix: string,
    private readonly replicas: number,
  ) {}

  /** The place of a channel, whose streams keep as much as is asked for. */
  async open(channel: string, bounds: HistoryBounds): Promise<Place> {
    const place = this.#placeOf(channel);
    await this.keptIn(place, bounds);
    return place;
  }

  /** What the stream of a channel keeps, which is as much as is asked for, or more. */
  async keptIn(place: Place, { messages, age }: HistoryBounds): Promise<Kept> {
    const { stream, positions, subject } = place;
    const bounds = { messages, age: Math.max(age, LEAST_AGE) };
    const present = this.#kept.get(stream);
    if (present !== undefined) {
      const kept = await present;
      if (kept.messages >= bounds.messages && kept.age >= bounds.age) return kept;
      // Somebody asks for more already.
      if (this.#kept.get(stream) !== present) return this.keptIn(place, bounds);
    }
    const kept = this.#create(stream, positions, subject.slice(0, subject.lastIndexOf('.')), bounds);
    this.#kept.set(stream, kept);
    try {
      return await kept;
    } catch (error) {
      this.#kept.delete(stream);
      throw error;
    }
  }

  /** The streams may be gone. */
  clear(): void {
    this.#kept.clear();
  }

  /** The newest message of a channel in a stream. */
  last(stream: string, { subject }: Place): Promise<StoredMsg | null> {
    return this.manager.streams.getMessage(stream, { last_by_subj: subject });
  }

  /** The first message of a channel from a sequence of the stream on. */
  next({ stream, subject }: Place, sequence: number): Promise<StoredMsg | null> {
    // The server knows it since 2.9; the types say so of direct reads only, which may be answered by a replica that is behind.
    const query: NextMsgRequest & { seq: number } = { seq: sequence, next_by_subj: subject };
    return this.manager.streams.getMessage(stream, query);
  }

  /** Drops the messages of a channel that are before a sequence of the stream. */
  async drop({ stream, subject }: Place, sequence: number): Promise<void> {
    await this.manager.streams.purge(stream, { filter: subject, seq: sequence });
  }

  async #create(stream: string, positions: string, group: string, bounds: HistoryBounds): Promise<Kept> {
    const present = await this.#find(stream);
    if (present === undefined) {
      // What mirrored a stream that is gone can not go on with another one.
      if ((await this.#find(positions)) !== undefined) await this.manager.streams.delete(positions);
      await this.manager.streams.add({
        name: stream,
        subjects: [`${group}.*`],
        // All that is stored is told to those who are subscribed to the channel.
        republish: { src: `${group}.*`, dest: `${this.prefix}{{wildcard(1)}}` },
        max_msgs_per_subject: bounds.messages,
        max_age: bounds.age * NANOSECONDS,
        duplicate_window: NAMES_AGE * NANOSECONDS,
        num_replicas: this.replicas,
      });
    } else if (present.max_msgs_per_subject < bounds.messages || present.max_age < bounds.age * NANOSECONDS) {
      await this.manager.streams.update(stream, {
        max_msgs_per_subject: Math.max(present.max_msgs_per_subject, bounds.messages),
        max_age: Math.max(present.max_age, bounds.age * NANOSECONDS),
      });
    }
    const age = Math.max(bounds.age, (present?.max_age ?? 0) / NANOSECONDS);
    const idle = (age + IDLE_TIME) * NANOSECONDS;
    const mirror = await this.#find(positions);
    if (mirror === undefined) {
      await this.manager.streams.add({
        name: positions,
        mirror: { name: stream },
        max_msgs_per_subject: 1,
        max_age: idle,
        num_replicas: this.replicas,
      });
    } else if (mirror.max_age < idle) {
      await this.manager.streams.update(positions, { max_age: idle });
    }
    return { messages: Math.max(bounds.messages, present?.max_msgs_per_subject ?? 0), age };
  }

  async #find(stream: string): Promise<StreamConfig | undefined> {
    try {
      return (await this.manager.streams.info(stream)).config;
    } catch (error) {
      if ((error as { code?: unknown }).code === STREAM_NOT_FOUND) return undefined;
      throw error;
    }
  }

  #placeOf(channel: string): Place {
    const [server] = channel.split('#', 1) as [string];
    const base = `${this.prefix}history.${subjectName(server)}`;
    // Streams are files: their names have fewer characters than subjects.
    const hash = createHash('sha256').update(base).digest('hex').slice(0, 12);
    const stream = `${base.replace(/[^\w-]+/g, '_').slice(0, 100)}_${hash}`;
    return { stream, positions: `${stream}_positions`, subject: `${base}.${subjectName(channel)}` };
  }
}
