import type { Completion } from '../../foundation/promise.js';

/** Lets so many calls of a connection run beside each other, and beside the hooks that come after them (reference 17.4). */
export class OverlappingCalls {
  readonly #limit: number;
  #running = 0;
  #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Begins a call when there is room; the step is over when it has begun. */
  begin(call: () => Completion): Completion {
    if (this.#limit === 1) return call();
    if (this.#running < this.#limit) return this.#run(call);
    return this.#ended().then(() => this.begin(call));
  }

  /** No call runs. */
  idle(): Completion {
    return this.#running === 0 ? undefined : this.#ended().then(() => this.idle());
  }

  #run(call: () => Completion): undefined {
    const completion = call();
    if (completion === undefined) return;
    this.#running++;
    void completion.then(() => {
      this.#running--;
      for (const waiting of this.#waiting.splice(0)) waiting();
    });
  }

  /** One of them has ended. */
  #ended(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
