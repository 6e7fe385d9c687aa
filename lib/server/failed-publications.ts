import { errorMessage } from '../errors/error-details.js';

/** How long failures are counted before they are told again, in milliseconds. */
const INTERVAL = 1000;

/**
 * What was published, failed, and nobody awaits (reference 16.2): the first failure is told at once, those after it once a second with how
 * many there were, so that an outage under load does not drown who hears of it.
 */
export class FailedPublications {
  readonly #tell: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  #untold = 0;
  #last: unknown;

  constructor(tell: (error: unknown) => void) {
    this.#tell = tell;
  }

  /** A publication failed that nobody awaits. */
  readonly failed = (error: unknown): void => {
    if (this.#timer === undefined) {
      this.#tell(error);
      this.#wait();
    } else {
      this.#untold++;
      this.#last = error;
    }
  };

  /** Tells what was counted; what fails afterwards is told at once. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#tellCounted();
  }

  #wait(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#tellCounted()) this.#wait();
    }, INTERVAL).unref();
  }

  #tellCounted(): boolean {
    if (this.#untold === 0) return false;
    const [count, cause] = [this.#untold, this.#last];
    this.#untold = 0;
    this.#last = undefined;
    this.#tell(
      count === 1
        ? cause
        : new Error(
            `${count} messages were not published in the last second, this is the last: ${errorMessage(cause)}`,
            { cause },
          ),
    );
    return true;
  }
}
