/**
 * Lets one page of the past be sent in each turn of the event loop: a thousand clients that missed the same page have it at the
 * same time, and those who are live do not wait for all of them (reference 16.8).
 */
export class ReplayTurns {
  readonly #waiting: (() => void)[] = [];

  /** Resolves when it is one's turn. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#waiting.push(resolve) === 1) setImmediate(this.#run);
    });
  }

  readonly #run = (): void => {
    this.#waiting.shift()!();
    if (this.#waiting.length > 0) setImmediate(this.#run);
  };
}
