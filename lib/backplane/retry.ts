/** When to try again, in milliseconds: soon, then every second or so, and not all instances at once. */
export function retryDelay(attempts: number): number {
  return Math.min(100 * attempts, 1000) + Math.random() * 100;
}

/** Makes an attempt again, until it is told to stop. */
export class Retry {
  #attempts = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly attempt: () => void) {}

  get isScheduled(): boolean {
    return this.#timer !== undefined;
  }

  /** Makes the next attempt in a while. */
  schedule(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.attempt();
    }, retryDelay(++this.#attempts));
  }

  /** Makes no attempt any more; those that are scheduled afterwards begin anew. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#attempts = 0;
  }
}
