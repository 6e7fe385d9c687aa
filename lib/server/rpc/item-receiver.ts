import type { ReplyReceiver } from '../replies/reply-receiver.js';

/** How many values of an Observable, which can't be slowed, may wait for a client that asked for no more. */
const MAX_HELD = 1024;

/**
 * Whom the items of a stream go to: a client that says how many it takes, or one that takes what comes. An async iterable is
 * asked for no more than the client takes; the values of an Observable are held meanwhile, so many and no more.
 */
export class ItemReceiver implements ReplyReceiver {
  readonly #host: ReplyReceiver;
  readonly #toText: (item: unknown) => string;
  readonly #send: (text: string) => void;
  readonly #held: string[] = [];
  #credit: number;
  #wake: (() => void) | undefined;
  #emptied: (() => void) | undefined;

  /**
   * @param credit how many items the client takes
   * @param toText makes of an item what is sent; it may throw
   * @param send sends that
   */
  constructor(
    host: ReplyReceiver,
    credit: number,
    toText: (item: unknown) => string,
    send: (text: string) => void,
  ) {
    this.#host = host;
    this.#credit = credit;
    this.#toText = toText;
    this.#send = send;
  }

  get isOpen(): boolean {
    return this.#host.isOpen;
  }

  get bufferedAmount(): number {
    return this.#credit > 0 ? this.#host.bufferedAmount : Infinity;
  }

  reply(item: unknown): void {
    const text = this.#toText(item);
    if (this.#credit > 0) {
      this.#credit--;
      this.#send(text);
    } else if (this.#held.push(text) > MAX_HELD) {
      this.#held.length = 0;
      throw new Error(`The client does not keep up: more than ${MAX_HELD} items wait for it`);
    }
  }

  async drain(threshold: number): Promise<void> {
    while (this.#credit === 0 && this.isOpen) await new Promise<void>((resolve) => (this.#wake = resolve));
    await this.#host.drain(threshold);
  }

  /** The client takes so many more. */
  pull(count: number): void {
    this.#credit += count;
    while (this.#credit > 0 && this.#held.length > 0) {
      this.#credit--;
      this.#send(this.#held.shift()!);
    }
    if (this.#held.length === 0) this.#emptied?.();
    if (this.#credit > 0) this.close();
  }

  /** Nobody takes any more, or the stream is cancelled. */
  close(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /** Calls back when all that was held has left. */
  whenEmpty(then: () => void): void {
    if (this.#held.length === 0) then();
    else this.#emptied = then;
  }
}
