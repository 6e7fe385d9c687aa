import type { ConnectionCount } from '../server/other-instances.js';

interface PendingCount {
  connections: number;
  readonly answered: Set<number>;
  readonly finish: () => void;
}

/** The counts that wait for other instances, and the instances that are known from what they have said. */
export class ConnectionCounts {
  readonly #instances = new Set<number>();
  readonly #pending = new Map<number, PendingCount>();
  #calls = 0;

  /** An instance said something. */
  heard(instance: number): void {
    this.#instances.add(instance);
  }

  /** An instance says that it leaves. */
  left(instance: number): void {
    this.#instances.delete(instance);
    for (const pending of this.#pending.values()) this.#finishIfComplete(pending);
  }

  /**
   * Waits for the answers of all known instances; those that have not said anything yet are not among them.
   *
   * @param own the connections of this instance
   * @param timeout milliseconds; instances that have not answered then are forgotten, until they say something
   * @param ask sends the question with the number of the call
   */
  async count(own: number, timeout: number, ask: (call: number) => void): Promise<ConnectionCount> {
    const call = ++this.#calls;
    const answered = new Set<number>();
    const pending = await new Promise<PendingCount>((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#pending.delete(call);
        resolve(entry);
      };
      const timer = setTimeout(() => {
        for (const instance of this.#instances) if (!answered.has(instance)) this.#instances.delete(instance);
        finish();
      }, timeout);
      const entry: PendingCount = { connections: own, answered, finish };
      this.#pending.set(call, entry);
      ask(call);
      // With nobody to wait for it is complete; who is not known yet makes itself known with the answer.
      this.#finishIfComplete(entry);
    });
    return { connections: pending.connections, instances: answered.size + 1 };
  }

  /** Waits for answers for as long as the timeout is, since it is not known whose there will be. */
  async collect(timeout: number, ask: (call: number) => void): Promise<ConnectionCount> {
    const call = ++this.#calls;
    const pending: PendingCount = { connections: 0, answered: new Set(), finish: () => undefined };
    this.#pending.set(call, pending);
    ask(call);
    await new Promise((resolve) => setTimeout(resolve, timeout));
    this.#pending.delete(call);
    return { connections: pending.connections, instances: pending.answered.size };
  }

  /** An instance answered. */
  answer(call: number, instance: number, connections: number): void {
    const pending = this.#pending.get(call);
    if (pending === undefined || pending.answered.has(instance)) return;
    pending.answered.add(instance);
    pending.connections += connections;
    this.#finishIfComplete(pending);
  }

  /** No more answers will come. */
  finishAll(): void {
    for (const { finish } of this.#pending.values()) finish();
  }

  #finishIfComplete({ answered, finish }: PendingCount): void {
    for (const instance of this.#instances) if (!answered.has(instance)) return;
    finish();
  }
}
