/** How many items of a stream may be under way or wait to be read. */
export const WINDOW = 64;

/** What a queue may do to its stream. */
type StreamControl = readonly [cancel: (reason: unknown) => void, pull: (count: number) => void];

/** The items of a stream, as a loop reads them. A slow one slows the other end: it asks for more when it has read. */
export class ItemQueue implements AsyncIterableIterator<unknown> {
  readonly #begin: () => StreamControl;
  readonly #check: (item: unknown) => unknown;
  readonly #items: unknown[] = [];
  /** Reads that wait for an item. */
  readonly #reads: (() => void)[] = [];
  #stream: StreamControl | undefined;
  #read = 0;
  #isOver = false;
  #failure: readonly [reason: unknown] | undefined;

  /**
   * @param begin asks for the stream; called once, at the first read
   * @param check makes of an item what the reader gets; it may throw, or reject
   */
  constructor(begin: () => StreamControl, check: (item: unknown) => unknown) {
    this.#begin = begin;
    this.#check = check;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  push(item: unknown): void {
    this.#items.push(item);
    this.#reads.shift()?.();
  }

  end(failure?: readonly [reason: unknown]): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure = failure;
    for (const read of this.#reads.splice(0)) read();
  }

  async next(): Promise<IteratorResult<unknown, undefined>> {
    if (!this.#isOver) this.#stream ??= this.#begin();
    while (this.#items.length === 0 && !this.#isOver)
      await new Promise<void>((resolve) => this.#reads.push(resolve));
    if (this.#items.length > 0) {
      const item = this.#items.shift();
      if (++this.#read >= WINDOW / 2 && !this.#isOver) {
        this.#stream![1](this.#read);
        this.#read = 0;
      }
      try {
        return { value: await this.#check(item), done: false };
      } catch (error) {
        await this.return();
        throw error;
      }
    }
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) throw failure[0];
    return { value: undefined, done: true };
  }

  /** The loop is left. */
  return(): Promise<IteratorResult<unknown, undefined>> {
    this.#items.length = 0;
    this.end();
    this.#stream?.[0](undefined);
    return Promise.resolve({ value: undefined, done: true });
  }
}
