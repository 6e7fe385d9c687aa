/** Notes what happened, in order, and lets a test wait for it. */
export class Recorder {
  /** The names of all that happened, in order. */
  readonly order: string[] = [];
  readonly #events = new Map<string, unknown[][]>();
  readonly #waiting = new Map<string, ((values: unknown[]) => void)[]>();

  push(name: string, ...values: unknown[]): void {
    this.order.push(name);
    const waiting = this.#waiting.get(name)?.shift();
    if (waiting) waiting(values);
    else this.#list(name).push(values);
  }

  /** The values of the next event of this name. */
  next(name: string): Promise<unknown[]> {
    const present = this.#list(name).shift();
    if (present) return Promise.resolve(present);
    return new Promise((resolve) => {
      this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), resolve]);
    });
  }

  /** The values of the events of this name that nobody waited for. */
  unread(name: string): unknown[][] {
    return this.#list(name);
  }

  #list(name: string): unknown[][] {
    let list = this.#events.get(name);
    if (!list) this.#events.set(name, (list = []));
    return list;
  }
}
