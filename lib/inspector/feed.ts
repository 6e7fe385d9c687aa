/** Items for one page, in order: what it does not take in time is left out, and counted. */
export class Feed<T> implements AsyncIterableIterator<T> {
  readonly #most: number;
  readonly #ended: () => void;
  #waiting: T[] = [];
  #left = 0;
  #take: ((result: IteratorResult<T>) => void) | undefined;
  #isOver = false;

  /**
   * @param most how many items may wait
   * @param ended is called once, when nobody takes items any more
   */
  constructor(most: number, ended: () => void) {
    this.#most = most;
    this.#ended = ended;
  }

  /** @param make is given how many were left out before the item; not called if there is no place */
  push(make: (left: number) => T): void {
    if (this.#isOver) return;
    if (this.#waiting.length >= this.#most) {
      this.#left++;
      return;
    }
    const item = make(this.#left);
    this.#left = 0;
    const take = this.#take;
    this.#take = undefined;
    if (take === undefined) this.#waiting.push(item);
    else take({ done: false, value: item });
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#waiting.length > 0) return Promise.resolve({ done: false, value: this.#waiting.shift()! });
    if (this.#isOver) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => (this.#take = resolve));
  }

  return(): Promise<IteratorResult<T>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#waiting = [];
    this.#take?.({ done: true, value: undefined });
    this.#ended();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
