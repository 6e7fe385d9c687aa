import type { TopicLog } from './topic-log.js';

/** A topic of which nothing came for so long is looked at, in milliseconds. */
const QUIET_TIME = 30_000;
/** How often it is looked which ones these are, and at how many of them at most. */
const LOOK_EVERY = 1_000;
const LOOKS = 32;

/**
 * Looks at topics of which nothing comes: a message that was lost between instances without a sign, and is the last one, is seen by
 * nothing else (reference 16.5). It costs a short read for each quiet topic now and then, however many there are no more than so many a second.
 */
export class QuietTopics {
  readonly #logs: ReadonlyMap<string, TopicLog>;
  #round: Iterator<TopicLog>;
  #timer: NodeJS.Timeout | undefined;

  constructor(logs: ReadonlyMap<string, TopicLog>) {
    this.#logs = logs;
    this.#round = logs.values();
  }

  /** There is a topic; it may be called again. */
  start(): void {
    this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const now = performance.now();
    let looks = 0;
    // Each of them once at most, from where the last look ended.
    for (let left = this.#logs.size; left > 0 && looks < LOOKS; left--) {
      const log = this.#next();
      if (log === undefined || !log.isQuietFor(QUIET_TIME, now)) continue;
      looks++;
      void log.lookForMissed();
    }
  }

  #next(): TopicLog | undefined {
    let { value, done } = this.#round.next();
    if (done === true) {
      this.#round = this.#logs.values();
      ({ value, done } = this.#round.next());
    }
    return done === true ? undefined : value;
  }
}
