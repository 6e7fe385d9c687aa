import { MAX_TIMEOUT } from './option-check.js';

/** The time at which a connection ends, if nobody moves it (reference 19.5). */
export class Expiry {
  readonly #expired: () => void;
  #at = Infinity;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  #token: string | undefined;

  /** @param expired is called once, at the time */
  constructor(expired: () => void) {
    this.#expired = expired;
  }

  /** Undefined for never. */
  get at(): Date | undefined {
    return this.#at === Infinity ? undefined : new Date(this.#at);
  }

  set at(date: Date | undefined) {
    this.#at = date === undefined ? Infinity : date.getTime();
    this.#wait();
  }

  /**
   * After how many milliseconds a client is to bring a new token: some of the time is left for that, and clients that came at once
   * don't come back at once.
   */
  get refreshDelay(): number {
    return Math.min(Math.floor(this.#left * (0.7 + 0.2 * Math.random())), MAX_TIMEOUT);
  }

  get #left(): number {
    return Math.max(0, this.#at - Date.now());
  }

  /** Looks at the clock: a process that is busy hears its timers late. */
  get isOver(): boolean {
    if (!this.#isOver && this.#at <= Date.now()) this.#end();
    return this.#isOver;
  }

  /**
   * Keeps a token until it is looked at; only the last one counts.
   *
   * @returns whether there was none
   */
  keep(token: string): boolean {
    const isFirst = this.#token === undefined;
    this.#token = token;
    return isFirst;
  }

  /** The token that was kept. */
  take(): string {
    const token = this.#token!;
    this.#token = undefined;
    return token;
  }

  /** The connection is over before. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#isOver = true;
  }

  #wait(): void {
    clearTimeout(this.#timer);
    if (this.#isOver || this.#at === Infinity) return;
    // The clock may be set, and a year is longer than a timer: it is asked again.
    this.#timer = setTimeout(() => this.isOver || this.#wait(), Math.min(this.#left, MAX_TIMEOUT));
  }

  #end(): void {
    this.stop();
    this.#expired();
  }
}
