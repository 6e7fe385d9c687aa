/** The times of those that were taken last: no window of the time, wherever it begins, has more than the limit. */
export class ExactWindow {
  readonly #window: number;
  readonly #times: Float64Array;
  /** The place of the oldest. */
  #oldest = 0;

  /** @param window milliseconds */
  constructor(limit: number, window: number) {
    this.#window = window;
    this.#times = new Float64Array(limit).fill(-Infinity);
  }

  /** @returns 0 if one more may be taken, else after how many milliseconds there is room for it */
  take(now: number): number {
    const wait = this.#times[this.#oldest]! + this.#window - now;
    if (wait > 0) return wait;
    this.#times[this.#oldest] = now;
    this.#oldest = (this.#oldest + 1) % this.#times.length;
    return 0;
  }
}
