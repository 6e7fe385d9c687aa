interface Pending {
  readonly answers: string[];
  readonly needed: number;
  readonly finish: () => void;
}

/** Questions to the other instances that wait for their answers. */
export class Questions {
  readonly #pending = new Map<number, Pending>();
  #calls = 0;

  /**
   * @param needed how many instances there are to answer
   * @param timeout milliseconds; with fewer answers it waits so long
   * @param ask sends the question with the number of the call
   */
  ask(needed: number, timeout: number, ask: (call: number) => void): Promise<readonly string[]> {
    if (needed === 0) return Promise.resolve([]);
    const call = ++this.#calls;
    return new Promise((resolve) => {
      const answers: string[] = [];
      const finish = (): void => {
        clearTimeout(timer);
        this.#pending.delete(call);
        resolve(answers);
      };
      const timer = setTimeout(finish, timeout);
      this.#pending.set(call, { answers, needed, finish });
      ask(call);
    });
  }

  answer(call: number, text: string): void {
    const pending = this.#pending.get(call);
    if (pending === undefined) return;
    if (pending.answers.push(text) >= pending.needed) pending.finish();
  }

  /** No more answers will come. */
  finishAll(): void {
    for (const { finish } of this.#pending.values()) finish();
  }
}
