import type { Backplane } from '../interfaces/index.js';
import { endOfTurn, type TurnListener } from '../foundation/end-of-turn.js';
import type { Envelope } from './envelope.js';

/** Takes what comes on a channel. */
export type ChannelReceiver = (envelope: Envelope) => void;

/** Hears what the backplane says to the wishes of this instance. */
export interface InterestObserver {
  /** The backplane has subscribed to these channels. */
  subscribed(channels: readonly string[]): void;
  /** The backplane refuses to subscribe to these channels; it is asked again. */
  refused(channels: readonly string[], error: unknown): void;
  /** The backplane has subscribed to channels that it refused before. */
  accepted(): void;
  /** The backplane fails to unsubscribe; what comes on these channels is ignored. */
  kept(channels: readonly string[], error: unknown): void;
}

/** When a backplane that refused is asked again: soon, then less and less often, in milliseconds. */
const FIRST_RETRY = 100;
const LAST_RETRY = 5_000;

/**
 * The channels that this instance wants to hear, and who hears them. The broker is told of changes at the end of a turn of
 * the event loop, all of them together: a topic that is left and joined again meanwhile costs nothing.
 */
export class Interest implements TurnListener {
  readonly #receivers = new Map<string, ChannelReceiver>();
  readonly #changed = new Set<string>();
  /** What the backplane was told, or waits to be told, that is wanted. */
  readonly #subscribed = new Set<string>();
  /** What of it the backplane is still to be asked for, or once more because it refused. */
  readonly #waiting = new Set<string>();
  #open = false;
  #scheduled = false;
  #retry: NodeJS.Timeout | undefined;
  #retries = 0;

  constructor(
    private readonly backplane: Backplane,
    private readonly observer: InterestObserver,
  ) {}

  receiver(channel: string): ChannelReceiver | undefined {
    return this.#receivers.get(channel);
  }

  add(channel: string, receiver: ChannelReceiver): void {
    this.#receivers.set(channel, receiver);
    this.#change(channel);
  }

  remove(channel: string): void {
    this.#receivers.delete(channel);
    this.#change(channel);
  }

  endTurn(): void {
    this.#scheduled = false;
    // A refusal is told by then.
    this.update().catch(() => undefined);
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Asks the backplane for all that is wanted, now and from now on; rejects if it refuses. */
  open(): Promise<void> {
    this.#open = true;
    return this.#ask();
  }

  /** Asks for nothing more while the broker is away. What is no longer wanted is told all the same. */
  hold(): void {
    this.#open = false;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#retries = 0;
  }

  /** Tells the backplane of the changes now; rejects if it refuses, and asks it again later. */
  async update(): Promise<void> {
    const added: string[] = [];
    const removed: string[] = [];
    for (const channel of this.#changed) {
      const isWanted = this.#receivers.has(channel);
      if (isWanted === this.#subscribed.has(channel)) continue;
      if (isWanted) {
        this.#subscribed.add(channel);
        if (this.#open) added.push(channel);
        else this.#waiting.add(channel);
      } else {
        this.#subscribed.delete(channel);
        this.#waiting.delete(channel);
        removed.push(channel);
      }
    }
    this.#changed.clear();
    if (removed.length > 0) void this.#unsubscribe(removed);
    if (added.length > 0) await this.#subscribe(added);
  }

  /** Wants nothing any more. */
  clear(): void {
    this.hold();
    this.#receivers.clear();
    this.#changed.clear();
    this.#subscribed.clear();
    this.#waiting.clear();
  }

  #change(channel: string): void {
    this.#changed.add(channel);
    if (this.#scheduled) return;
    this.#scheduled = true;
    endOfTurn(this);
  }

  async #subscribe(channels: readonly string[]): Promise<void> {
    try {
      await this.backplane.subscribe(channels);
      this.observer.subscribed(channels);
    } catch (error) {
      for (const channel of channels) if (this.#subscribed.has(channel)) this.#waiting.add(channel);
      this.#retryLater();
      this.observer.refused(channels, error);
      throw error;
    }
  }

  /** What it throws must not keep the same turn's channels from being subscribed to. */
  async #unsubscribe(channels: readonly string[]): Promise<void> {
    try {
      // One that somebody wrote may return a promise all the same.
      await this.backplane.unsubscribe(channels);
    } catch (error) {
      this.observer.kept(channels, error);
    }
  }

  #retryLater(): void {
    if (!this.#open || this.#retry !== undefined || this.#waiting.size === 0) return;
    const delay = Math.min(FIRST_RETRY * 2 ** this.#retries++, LAST_RETRY);
    // Not all instances at once.
    this.#retry = setTimeout(() => void this.#tryAgain(), delay * (1 + Math.random() / 4));
  }

  async #tryAgain(): Promise<void> {
    this.#retry = undefined;
    try {
      await this.#ask();
    } catch {
      // It is told, and the next retry is under way.
      return;
    }
    if (this.#waiting.size === 0) this.#retries = 0;
    this.observer.accepted();
  }

  #ask(): Promise<void> {
    for (const channel of this.#waiting) {
      this.#subscribed.delete(channel);
      this.#changed.add(channel);
    }
    this.#waiting.clear();
    return this.update();
  }
}
