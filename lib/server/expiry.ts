import { MAX_TIMEOUT } from './option-check.js';

/** For less than this no token is asked for, in milliseconds. */
const LEAST_LEFT = 100;

/** How much earlier than it was asked for a token may come, since timers are not exact, in milliseconds. */
const EARLY = 20;

/** The time at which a connection ends, if nobody moves it (reference 19.5). */
export class Expiry {
  readonly #expired: () => void;
  #at = Infinity;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  #token: string | undefined;
  /** From when on a token is looked at, in milliseconds of `performance.now()`. */
  #due = Infinity;
  #isAnswered = false;

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
   * Asks for a new token: some of the time is left for that, and clients that came at once don't come back at once.
   *
   * @returns after how many milliseconds it is to come; undefined if there is no time for one
   */
  ask(): number | undefined {
    this.#isAnswered = false;
    this.#due = Infinity;
    if (this.#left < LEAST_LEFT || this.#at === Infinity) return undefined;
    const delay = Math.min(Math.floor(this.#left * (0.7 + 0.2 * Math.random())), MAX_TIMEOUT);
    this.#due = performance.now() + delay - EARLY;
    return delay;
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
   * Keeps a token that was asked for until it is looked at; only the last one counts. What comes unasked, or too early, is not looked
   * at: each look may cost a guard its database.
   *
   * @returns whether it is the first
   */
  keep(token: string): boolean {
    if (performance.now() < this.#due) return false;
    const isFirst = this.#token === undefined;
    this.#isAnswered = true;
    this.#token = token;
    return isFirst;
  }

  /** The token that was kept. */
  take(): string {
    const token = this.#token!;
    this.#token = undefined;
    // Another may have been asked for while this one waited.
    if (this.#isAnswered) this.#due = Infinity;
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
