import type { ReplyReceiver } from '../replies/reply-receiver.js';

/** How many values of an Observable, which can't be slowed, may wait for a client that asked for no more. */
const MAX_HELD = 1024;

/** What waits for one client to ask for it, of all its streams. */
export class HeldItems {
  bytes = 0;

  /** @param limit bytes that may be buffered for the client, and that may wait */
  constructor(readonly limit: number) {}
}

/**
 * Whom the items of a stream go to: a client that says how many it takes, or one that takes what comes. An async iterable is
 * asked for no more than the client takes; the values of an Observable are held meanwhile, so many and no more.
 */
export class ItemReceiver implements ReplyReceiver {
  readonly #host: ReplyReceiver;
  readonly #toText: (item: unknown) => string;
  readonly #send: (text: string) => void;
  readonly #all: HeldItems;
  readonly #held: string[] = [];
  #credit: number;
  #isClosed = false;
  #wake: (() => void) | undefined;
  #emptied: (() => void) | undefined;

  /**
   * @param all what waits of all streams of the client
   * @param credit how many items the client takes
   * @param toText makes of an item what is sent; it may throw
   * @param send sends that
   */
  constructor(
    host: ReplyReceiver,
    all: HeldItems,
    credit: number,
    toText: (item: unknown) => string,
    send: (text: string) => void,
  ) {
    this.#host = host;
    this.#all = all;
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
    const all = this.#all;
    if (this.#credit > 0) {
      // An Observable may give all that it has in one turn; nobody else looks before the turn is over.
      if (this.#host.bufferedAmount > all.limit) throw this.#outrun(`${all.limit} bytes`);
      this.#credit--;
      this.#send(text);
      return;
    }
    this.#held.push(text);
    all.bytes += text.length;
    if (this.#held.length > MAX_HELD) throw this.#outrun(`${MAX_HELD} items`);
    if (all.bytes > all.limit) throw this.#outrun(`${all.limit} bytes`);
  }

  #outrun(what: string): Error {
    this.#release();
    return new Error(`The client does not keep up: more than ${what} wait for it`);
  }

  #release(): void {
    for (const text of this.#held.splice(0)) this.#all.bytes -= text.length;
  }

  async drain(threshold: number): Promise<void> {
    while (this.#credit === 0 && this.isOpen && !this.#isClosed)
      await new Promise<void>((resolve) => (this.#wake = resolve));
    await this.#host.drain(threshold);
  }

  /** The client takes so many more. */
  pull(count: number): void {
    this.#credit += count;
    while (this.#credit > 0 && this.#held.length > 0) {
      this.#credit--;
      const text = this.#held.shift()!;
      this.#all.bytes -= text.length;
      this.#send(text);
    }
    if (this.#held.length === 0) this.#emptied?.();
    if (this.#credit > 0) this.#goOn();
  }

  /** Nobody takes any more, or the stream is cancelled. */
  close(): void {
    this.#isClosed = true;
    this.#release();
    this.#goOn();
  }

  #goOn(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /** Calls back when all that was held has left. */
  whenEmpty(then: () => void): void {
    if (this.#held.length === 0) then();
    else this.#emptied = then;
  }
}
