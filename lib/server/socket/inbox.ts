import type { Completion } from '../../foundation/promise.js';

/** What an inbox hands its messages to. */
export interface InboxConsumer {
  /** Serves one message. */
  receive(data: Buffer, isBinary: boolean): Completion;
  /** Stops reading from the client. */
  pause(): void;
  /** Reads from the client again. */
  resume(): void;
}

/** A step in the life of a connection that waits its turn among the messages. */
export type InboxTask = () => Completion;

/** A message that was decoded before its turn: the step that serves it. */
interface WaitingStep {
  step: InboxTask;
  bytes: number;
}

/** How much may wait before reading from the client pauses (reference 6.2). */
export interface InboxLimits {
  readonly maxQueuedMessages: number;
  /** Bytes. */
  readonly maxQueuedBytes: number;
}

interface WaitingMessage {
  data: Buffer;
  isBinary: boolean;
}

/**
 * Keeps the hooks of one connection in order (reference 6.1, 6.2): one at a time, the others wait. A message that
 * finds the inbox idle, and whose hook is synchronous, is served without a queue, a promise or an allocation.
 */
export class Inbox {
  readonly #consumer: InboxConsumer;
  readonly #limits: InboxLimits;
  #waiting: (WaitingMessage | WaitingStep | InboxTask)[] | null = null;
  #next = 0;
  #bytes = 0;
  #busy = false;
  #paused = false;

  constructor(consumer: InboxConsumer, limits: InboxLimits) {
    this.#consumer = consumer;
    this.#limits = limits;
  }

  /** Takes a message: it is served now, or when those before it are done. */
  receive(data: Buffer, isBinary: boolean): void {
    if (this.#busy) {
      this.#bytes += data.length;
      this.#enqueue({ data, isBinary });
      return;
    }
    this.#busy = true;
    this.#continueAfter(this.#consumer.receive(data, isBinary));
  }

  /**
   * Runs a task now, or when what came before it is done.
   *
   * @param bytes what waits with it, of a message that was decoded already
   */
  perform(task: InboxTask, bytes = 0): void {
    if (this.#busy) {
      this.#bytes += bytes;
      this.#enqueue(bytes === 0 ? task : { step: task, bytes });
      return;
    }
    this.#busy = true;
    this.#continueAfter(task());
  }

  /** Goes on with what waits, when what was begun is over. */
  #continueAfter(completion: Completion): void {
    let current = completion;
    while (current === undefined) {
      if (this.#waiting === null) {
        this.#busy = false;
        return;
      }
      const next = this.#dequeue();
      current = typeof next === 'function' ? next() : this.#consumer.receive(next.data, next.isBinary);
    }
    // One function for all of a connection's promises would cost memory in every connection; this one lives for a message.
    void current.then(() => this.#continueAfter(undefined));
  }

  #enqueue(item: WaitingMessage | WaitingStep | InboxTask): void {
    this.#waiting ??= [];
    this.#waiting.push(item);
    if (this.#paused) return;
    const { maxQueuedMessages, maxQueuedBytes } = this.#limits;
    if (this.#waiting.length - this.#next > maxQueuedMessages || this.#bytes > maxQueuedBytes) {
      this.#paused = true;
      this.#consumer.pause();
    }
  }

  #dequeue(): WaitingMessage | InboxTask {
    const waiting = this.#waiting!;
    const item = waiting[this.#next]!;
    // Drops the reference, so that a served message's memory is free while later ones still wait.
    waiting[this.#next++] = undefined!;
    let task: WaitingMessage | InboxTask;
    if (typeof item === 'function') {
      task = item;
    } else if ('step' in item) {
      this.#bytes -= item.bytes;
      task = item.step;
    } else {
      this.#bytes -= item.data.length;
      task = item;
    }
    const left = waiting.length - this.#next;
    if (left === 0) {
      this.#waiting = null;
      this.#next = 0;
    } else if (this.#next > 1024 && this.#next > left) {
      waiting.splice(0, this.#next);
      this.#next = 0;
    }
    this.#resumeIfHalfEmpty();
    return task;
  }

  /**
   * Hands over the messages that wait, in a step: from now on they are steps, which take their places.
   *
   * @param take makes steps of a message, by {@link perform}
   */
  redirect(take: (data: Buffer, isBinary: boolean) => void): void {
    if (this.#waiting === null) return;
    const waiting = this.#waiting.slice(this.#next);
    this.#waiting = null;
    this.#next = 0;
    this.#bytes = 0;
    for (const item of waiting) {
      if (typeof item === 'function') this.perform(item);
      else if ('step' in item) this.perform(item.step, item.bytes);
      else take(item.data, item.isBinary);
    }
    this.#resumeIfHalfEmpty();
  }

  /** Whether so many times as many messages, or bytes, wait as may. */
  exceeds(messages: number, bytes: number): boolean {
    const { maxQueuedMessages, maxQueuedBytes } = this.#limits;
    return this.length > messages * maxQueuedMessages || this.#bytes > bytes * maxQueuedBytes;
  }

  /** How many wait. */
  get length(): number {
    return this.#waiting === null ? 0 : this.#waiting.length - this.#next;
  }

  /** Half empty, not empty: the client's next messages are under way while the rest is served. */
  #resumeIfHalfEmpty(): void {
    const { maxQueuedMessages, maxQueuedBytes } = this.#limits;
    if (!this.#paused || this.length > maxQueuedMessages >> 1 || this.#bytes > maxQueuedBytes / 2) return;
    this.#paused = false;
    this.#consumer.resume();
  }
}
