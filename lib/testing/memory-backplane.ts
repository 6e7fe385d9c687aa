// Not the global one: a test that fakes timers would hold the messages back.
import { setImmediate } from 'node:timers';
import { BackplaneError } from '../errors/backplane.error.js';
import type {
  Backplane,
  BackplaneHistory,
  BackplaneObserver,
  HistoryBounds,
  HistoryPage,
  TopicPosition,
} from '../interfaces/index.js';
import { RememberedChannels } from '../remembered/remembered-channels.js';

/** What a broker knows of an instance that is connected to it. */
export interface MemoryBrokerMember {
  /** The channels that it is subscribed to. */
  readonly channels: ReadonlySet<string>;
  readonly observer: BackplaneObserver | undefined;
}

/**
 * Connects the instances of an application that run in one process, for tests (reference 20.2). Each instance has a
 * {@link MemoryBackplane} of its own on the same broker.
 */
export class MemoryBroker {
  readonly #members = new Set<MemoryBrokerMember>();
  /** Outlives its instances, and outages. */
  readonly #remembered = new RememberedChannels();
  #failure: Error | undefined;

  /** The instances that are connected. */
  get members(): ReadonlySet<MemoryBrokerMember> {
    return this.#members;
  }

  /**
   * Begins an outage: all instances are told that the broker is away. They publish nothing until it is back.
   *
   * @param error what they are told
   */
  fail(error: Error = new Error('the broker is gone')): void {
    this.#failure = error;
    for (const { observer } of this.#members) observer?.away(error);
  }

  /** Ends an outage. */
  recover(): void {
    this.#failure = undefined;
    for (const { observer } of this.#members) observer?.back();
  }

  /** @throws the error of the outage, if there is one */
  join(member: MemoryBrokerMember): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#members.add(member);
  }

  leave(member: MemoryBrokerMember): void {
    this.#members.delete(member);
  }

  /** Passes a message on to all that are subscribed to its channel, in a later turn of the event loop, as brokers do. */
  deliver(channel: string, message: Uint8Array): void {
    // Copied now: it is its publisher's to change when it is published.
    const copy = Buffer.from(message);
    setImmediate(() => {
      for (const { channels, observer } of this.#members) {
        // A copy for each, since they share no memory elsewhere; its sender gets one too, as from many brokers.
        if (channels.has(channel)) observer?.receive(channel, Buffer.from(copy));
      }
    });
  }

  /**
   * Appends to the history of a channel, and tells all that are subscribed to it, in a later turn of the event loop.
   *
   * @throws the error of the outage, if there is one
   */
  append(channel: string, messages: readonly Uint8Array[], bounds: HistoryBounds): TopicPosition {
    if (this.#failure !== undefined) throw this.#failure;
    const copies = messages.map((message) => Buffer.from(message));
    const first = this.#remembered.append(channel, copies, bounds);
    setImmediate(() => {
      for (const { channels, observer } of this.#members) {
        if (!channels.has(channel)) continue;
        observer?.remembered(
          channel,
          first,
          copies.map((copy) => Buffer.from(copy)),
        );
      }
    });
    return first;
  }

  /**
   * Reads the history of a channel.
   *
   * @throws the error of the outage, if there is one
   */
  read(channel: string, after: number, limit: number, bounds: HistoryBounds): HistoryPage {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#remembered.read(channel, after, limit, bounds);
  }

  /**
   * Forgets the history of a channel, if its epoch is the one that is given, or none is.
   *
   * @throws the error of the outage, if there is one
   */
  forget(channel: string, epoch?: string): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#remembered.forget(channel, epoch);
  }

  /** Forgets the histories of all channels, as a broker does that is started anew without a disk. */
  forgetAll(): void {
    this.#remembered.clear();
  }
}

/** The backplane of one instance on a {@link MemoryBroker}, for tests (reference 20.2). */
export class MemoryBackplane implements Backplane, MemoryBrokerMember {
  readonly #broker: MemoryBroker;
  readonly #channels = new Set<string>();
  #observer: BackplaneObserver | undefined;
  /** The memory of the broker; during an outage all of it rejects with a `BackplaneError`. */
  readonly history: BackplaneHistory = {
    append: async (...asked) => this.#ask(() => this.#broker.append(...asked)),
    read: async (...asked) => this.#ask(() => this.#broker.read(...asked)),
    forget: async (...asked) => this.#ask(() => this.#broker.forget(...asked)),
  };

  constructor(broker: MemoryBroker) {
    this.#broker = broker;
  }

  /** The channels that it is subscribed to. */
  get channels(): ReadonlySet<string> {
    return this.#channels;
  }

  get observer(): BackplaneObserver | undefined {
    return this.#observer;
  }

  /** @throws {BackplaneError} if it is connected already, or the broker is away */
  async connect(observer: BackplaneObserver): Promise<void> {
    if (this.#observer !== undefined) {
      throw new BackplaneError('MemoryBackplane', 'it is connected already; make one for each application');
    }
    this.#ask(() => this.#broker.join(this));
    this.#observer = observer;
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    for (const channel of channels) this.#channels.add(channel);
  }

  unsubscribe(channels: readonly string[]): void {
    for (const channel of channels) this.#channels.delete(channel);
  }

  async publish(channel: string, message: Uint8Array): Promise<void> {
    this.#broker.deliver(channel, message);
  }

  async close(): Promise<void> {
    this.#broker.leave(this);
    this.#channels.clear();
    this.#observer = undefined;
  }
  #ask<T>(question: () => T): T {
    try {
      return question();
    } catch (cause) {
      throw new BackplaneError('MemoryBackplane', (cause as Error).message, { cause });
    }
  }
}
