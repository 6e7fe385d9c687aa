import type { ConnectionCount } from '../server/other-instances.js';

interface PendingCount {
  connections: number;
  readonly answered: Set<number>;
  /** How many answers there have to be, as far as those who answered tell; 0 where instances are known otherwise. */
  needed: number;
  readonly finish: () => void;
}

/** The counts that wait for other instances, and the instances that are known from what they have said. */
export class ConnectionCounts {
  readonly #instances = new Set<number>();
  readonly #pending = new Map<number, PendingCount>();
  #calls = 0;

  /** How many instances are known. */
  get known(): number {
    return this.#instances.size;
  }

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
      const entry: PendingCount = { connections: own, answered, needed: 0, finish };
      this.#pending.set(call, entry);
      ask(call);
      // With nobody to wait for it is complete; who is not known yet makes itself known with the answer.
      this.#finishIfComplete(entry);
    });
    return { connections: pending.connections, instances: answered.size + 1 };
  }

  /**
   * Waits for the answers of instances of which none is known: for as many as those who answer say that there are.
   *
   * @param timeout milliseconds; with fewer answers it waits so long
   */
  async collect(timeout: number, ask: (call: number) => void): Promise<ConnectionCount> {
    const call = ++this.#calls;
    const answered = new Set<number>();
    const { connections } = await new Promise<PendingCount>((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#pending.delete(call);
        resolve(entry);
      };
      const timer = setTimeout(finish, timeout);
      const entry: PendingCount = { connections: 0, answered, needed: 1, finish };
      this.#pending.set(call, entry);
      ask(call);
    });
    return { connections, instances: answered.size };
  }

  /**
   * An instance answered.
   *
   * @param instances how many it knows, itself among them
   */
  answer(call: number, instance: number, connections: number, instances: number): void {
    const pending = this.#pending.get(call);
    if (pending === undefined || pending.answered.has(instance)) return;
    pending.answered.add(instance);
    pending.connections += connections;
    if (pending.needed > 0) pending.needed = Math.max(pending.needed, instances);
    this.#finishIfComplete(pending);
  }

  /** No more answers will come. */
  finishAll(): void {
    for (const { finish } of this.#pending.values()) finish();
  }

  #finishIfComplete({ answered, needed, finish }: PendingCount): void {
    if (answered.size < needed) return;
    for (const instance of this.#instances) if (!answered.has(instance)) return;
    finish();
  }
}
