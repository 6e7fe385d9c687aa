// Not the global one: a test that fakes timers would hold the messages back.
import { setImmediate } from 'node:timers';
import { BackplaneError } from '../errors/backplane.error.js';
import type { Backplane, BackplaneObserver } from '../interfaces/index.js';

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
}

/** The backplane of one instance on a {@link MemoryBroker}, for tests (reference 20.2). */
export class MemoryBackplane implements Backplane, MemoryBrokerMember {
  readonly #broker: MemoryBroker;
  readonly #channels = new Set<string>();
  #observer: BackplaneObserver | undefined;

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
    try {
      this.#broker.join(this);
    } catch (cause) {
      throw new BackplaneError('MemoryBackplane', (cause as Error).message, { cause });
    }
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
}
