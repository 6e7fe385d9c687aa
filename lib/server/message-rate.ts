/** How many messages a client may send in a time, and what happens to those beyond (reference 19.2). */
export interface MessageLimit {
  readonly limit: number;
  /** Milliseconds. */
  readonly window: number;
  readonly bytes: number;
  readonly exceeded: 'pause' | 'drop' | 'close';
}

/**
 * Counts the messages of one connection. Messages beyond the limit belong to the windows that follow: what is held keeps its place.
 */
export class MessageRate {
  readonly #limit: MessageLimit;
  /** When the window of the last message began, or will, in milliseconds of `performance.now()`. */
  #start = -Infinity;
  #messages = 0;
  #bytes = 0;
  #dropped = 0;
  #released = false;
  #endHold: () => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(limit: MessageLimit) {
    this.#limit = limit;
  }

  get limits(): MessageLimit {
    return this.#limit;
  }

  /** Whether the message that was just refused is the first of its window. */
  get isFirstDropped(): boolean {
    return this.#dropped === 1;
  }

  /**
   * Counts a message.
   *
   * @returns whether it is within the limit; one that is not is the first of the next window if messages are held, else is not counted
   */
  take(bytes: number): boolean {
    const { limit, window, bytes: maxBytes, exceeded } = this.#limit;
    const now = performance.now();
    if (now - this.#start >= window) this.#begin(now);
    // A message alone may be longer than all that a window may have.
    const fits = this.#messages < limit && (this.#bytes === 0 || this.#bytes + bytes <= maxBytes);
    if (!fits) {
      this.#dropped++;
      if (exceeded !== 'pause') return false;
      this.#begin(this.#start + window);
    }
    this.#messages++;
    this.#bytes += bytes;
    return fits;
  }

  /** Resolves when the window of the last message begins; it begins at once when the connection is about to end. */
  hold(start: number): Promise<void> | undefined {
    const wait = start - performance.now();
    if (this.#released || wait <= 0) return undefined;
    return new Promise((resolve) => {
      this.#endHold = resolve;
      this.#timer = setTimeout(resolve, wait);
    });
  }

  /** When the window of the last message begins. */
  get windowStart(): number {
    return this.#start;
  }

  /** Holds nothing any more. */
  release(): void {
    this.#released = true;
    clearTimeout(this.#timer);
    this.#endHold();
  }

  #begin(start: number): void {
    this.#start = start;
    this.#messages = 0;
    this.#bytes = 0;
    this.#dropped = 0;
  }
}
