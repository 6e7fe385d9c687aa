// Not the global ones: a test that fakes timers would keep all that it remembers.
import { clearTimeout, setTimeout } from 'node:timers';
import type { HistoryBounds, HistoryPage, TopicPosition } from '../interfaces/index.js';
import { RememberedChannel } from './remembered-channel.js';

/** How long the position of a channel outlives its last use, in milliseconds. */
const IDLE_TIME = 24 * 60 * 60 * 1000;
/** How often idle channels are looked through for what is too old: as often as something may become so, within these. */
const SWEEP_TIMES = { shortest: 1_000, longest: 10_000 };

/**
 * What a process remembers of channels (reference 16.1): the last messages of each. Of an idle channel the messages go when they are too
 * old, and its position a day later, unless it is used meanwhile.
 */
export class RememberedChannels {
  readonly #channels = new Map<string, RememberedChannel>();
  #sweep: NodeJS.Timeout | undefined;

  /** How many channels have a position. */
  get size(): number {
    return this.#channels.size;
  }

  /** How many messages are remembered. */
  get messages(): number {
    let messages = 0;
    for (const channel of this.#channels.values()) messages += channel.size;
    return messages;
  }

  /** How many bytes these have. */
  get bytes(): number {
    let bytes = 0;
    for (const channel of this.#channels.values()) bytes += channel.bytes;
    return bytes;
  }

  /** @returns the position of the first of them */
  append(name: string, messages: readonly Uint8Array[], bounds: HistoryBounds): TopicPosition {
    const channel = this.#channel(name);
    const offset = channel.append(messages, bounds, performance.now());
    this.#sweepIn(bounds.age);
    return { epoch: channel.epoch, offset };
  }

  /** Reads as `BackplaneHistory.read` does. */
  read(name: string, after: number, limit: number, bounds: HistoryBounds): HistoryPage {
    const page = this.#channel(name).read(after, limit, bounds, performance.now());
    this.#sweepIn(bounds.age);
    return page;
  }

  /** Forgets as `BackplaneHistory.forget` does. */
  forget(name: string, epoch?: string): void {
    const channel = this.#channel(name);
    if (epoch === undefined || epoch === channel.epoch) channel.forget();
  }

  /** Forgets all channels. */
  clear(): void {
    clearTimeout(this.#sweep);
    this.#sweep = undefined;
    this.#channels.clear();
  }

  #channel(name: string): RememberedChannel {
    let channel = this.#channels.get(name);
    if (channel === undefined) this.#channels.set(name, (channel = new RememberedChannel()));
    return channel;
  }

  #sweepIn(age: number): void {
    if (this.#sweep !== undefined) return;
    const time = Math.min(Math.max(age, SWEEP_TIMES.shortest), SWEEP_TIMES.longest);
    this.#sweep = setTimeout(() => this.#sweepNow(), time).unref();
  }

  #sweepNow(): void {
    this.#sweep = undefined;
    const now = performance.now();
    let shortestAge = Infinity;
    for (const [name, channel] of this.#channels) {
      channel.expire(now);
      if (channel.size > 0) shortestAge = Math.min(shortestAge, channel.age);
      else if (now - channel.used > IDLE_TIME) this.#channels.delete(name);
    }
    if (this.#channels.size > 0) this.#sweepIn(shortestAge);
  }
}
