import type { Backplane } from '../interfaces/index.js';
import { endOfTurn, type TurnListener } from '../server/end-of-turn.js';
import type { Envelope } from './envelope.js';

/** Takes what comes on a channel. */
export type ChannelReceiver = (envelope: Envelope) => void;

/**
 * The channels that this instance wants to hear, and who hears them. The broker is told of changes at the end of a turn of
 * the event loop, all of them together: a topic that is left and joined again meanwhile costs nothing.
 */
export class Interest implements TurnListener {
  readonly #receivers = new Map<string, ChannelReceiver>();
  readonly #changed = new Set<string>();
  readonly #subscribed = new Set<string>();
  #scheduled = false;

  /** @param refused hears that the broker refuses to subscribe */
  constructor(
    private readonly backplane: Backplane,
    private readonly refused: (error: unknown) => void,
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
    this.update().catch(this.refused);
  }

  /** Tells the broker of the changes now; rejects if it refuses. */
  async update(): Promise<void> {
    const added: string[] = [];
    const removed: string[] = [];
    for (const channel of this.#changed) {
      const isWanted = this.#receivers.has(channel);
      if (isWanted === this.#subscribed.has(channel)) continue;
      (isWanted ? added : removed).push(channel);
      if (isWanted) this.#subscribed.add(channel);
      else this.#subscribed.delete(channel);
    }
    this.#changed.clear();
    if (removed.length > 0) this.backplane.unsubscribe(removed);
    if (added.length > 0) await this.backplane.subscribe(added);
  }

  /** Wants nothing any more. */
  clear(): void {
    this.#receivers.clear();
    this.#changed.clear();
    this.#subscribed.clear();
  }

  #change(channel: string): void {
    this.#changed.add(channel);
    if (this.#scheduled) return;
    this.#scheduled = true;
    endOfTurn(this);
  }
}
