/** What an inbox hands its messages to. */
export interface InboxConsumer {
  /**
   * Serves one message.
   *
   * @returns true if that is done; false if it goes on, and {@link Inbox.release} will be called at its end
   */
  receive(data: Buffer, isBinary: boolean): boolean;
  /** Stops reading from the client. */
  pause(): void;
  /** Reads from the client again. */
  resume(): void;
}

/** A step in the life of a connection that waits its turn among the messages; returns as {@link InboxConsumer.receive}. */
export type InboxTask = () => boolean;

interface WaitingMessage {
  data: Buffer;
  isBinary: boolean;
}

/**
 * Keeps the hooks of one connection in order (SPEC 6.1, 6.2): one at a time, the others wait. A message that
 * finds the inbox idle goes straight to its hook: no queue, no promise, no allocation.
 */
export class Inbox {
  readonly #consumer: InboxConsumer;
  readonly #limit: number;
  #waiting: (WaitingMessage | InboxTask)[] | null = null;
  #next = 0;
  // From the start, until the hooks that come before the first message have run.
  #busy = true;
  #paused = false;

  /** @param limit how many may wait before reading from the client pauses */
  constructor(consumer: InboxConsumer, limit: number) {
    this.#consumer = consumer;
    this.#limit = limit;
  }

  /** Takes a message: it is served now, or when those before it are done. */
  receive(data: Buffer, isBinary: boolean): void {
    if (this.#busy) {
      this.#enqueue({ data, isBinary });
      return;
    }
    this.#busy = true;
    if (this.#consumer.receive(data, isBinary)) this.release();
  }

  /** Runs a task now, or when what came before it is done. */
  perform(task: InboxTask): void {
    if (this.#busy) {
      this.#enqueue(task);
      return;
    }
    this.#busy = true;
    if (task()) this.release();
  }

  /** Tells that what was being served is done; goes on with what waits. */
  release(): void {
    this.#busy = false;
    while (this.#waiting !== null) {
      const next = this.#dequeue();
      this.#busy = true;
      const done = typeof next === 'function' ? next() : this.#consumer.receive(next.data, next.isBinary);
      if (!done) return;
      this.#busy = false;
    }
  }

  #enqueue(item: WaitingMessage | InboxTask): void {
    this.#waiting ??= [];
    this.#waiting.push(item);
    if (!this.#paused && this.#waiting.length - this.#next > this.#limit) {
      this.#paused = true;
      this.#consumer.pause();
    }
  }

  #dequeue(): WaitingMessage | InboxTask {
    const waiting = this.#waiting!;
    const item = waiting[this.#next]!;
    // Drops the reference, so that a served message's memory is free while later ones still wait.
    waiting[this.#next++] = undefined!;
    const left = waiting.length - this.#next;
    if (left === 0) {
      this.#waiting = null;
      this.#next = 0;
    } else if (this.#next > 1024 && this.#next > left) {
      waiting.splice(0, this.#next);
      this.#next = 0;
    }
    // Half empty, not empty: the client's next messages are under way while the rest is served.
    if (this.#paused && left <= this.#limit >> 1) {
      this.#paused = false;
      this.#consumer.resume();
    }
    return item;
  }
}
