import type { HistoryBounds, HistoryEntry, HistoryPage } from '../interfaces/index.js';
import { newEpoch } from './epoch.js';
import { PAGE_BYTES } from './page-size.js';

interface RememberedMessage extends HistoryEntry {
  /** When it was appended, in milliseconds of `performance.now()`. */
  readonly time: number;
}

/** What a process remembers of one channel. */
export class RememberedChannel {
  /** In the order of their offsets, without holes; those before {@link #head} are forgotten. */
  #messages: RememberedMessage[] = [];
  #head = 0;
  #epoch = newEpoch();
  #newest = 0;
  #bytes = 0;
  /** The age of the bounds that were asked for last. */
  #age = 0;
  #used = 0;

  get epoch(): string {
    return this.#epoch;
  }

  /** The offset of the last message; 0 before the first. */
  get newest(): number {
    return this.#newest;
  }

  /** How many messages it holds. */
  get size(): number {
    return this.#messages.length - this.#head;
  }

  /** How many bytes these have. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The age up to which its messages are kept, in milliseconds. */
  get age(): number {
    return this.#age;
  }

  /** When it was used last. */
  get used(): number {
    return this.#used;
  }

  /** @returns the offset of the first of them */
  append(messages: readonly Uint8Array[], bounds: HistoryBounds, now: number): number {
    const first = this.#newest + 1;
    for (const message of messages) {
      this.#messages.push({ offset: ++this.#newest, message: ownBytes(message), time: now });
      this.#bytes += message.length;
    }
    this.#use(bounds, now);
    this.#dropTo(this.#newest - bounds.messages + 1);
    return first;
  }

  read(after: number, limit: number, bounds: HistoryBounds, now: number): HistoryPage {
    this.#use(bounds, now);
    const newest = this.#newest;
    const oldest = Math.max(newest - this.size + 1, newest - bounds.messages + 1);
    const first = Math.max((after < 0 ? newest + after : after) + 1, oldest);
    const begin = this.#messages.length - (newest - first + 1);
    const entries: HistoryEntry[] = [];
    let bytes = 0;
    for (let index = begin; index < this.#messages.length && entries.length < limit; index++) {
      const { offset, message } = this.#messages[index]!;
      bytes += message.length;
      if (bytes > PAGE_BYTES && entries.length > 0) break;
      entries.push({ offset, message });
    }
    return { epoch: this.#epoch, newest, oldest, entries };
  }

  forget(): void {
    this.#dropTo(this.#newest + 1);
    this.#epoch = newEpoch();
    this.#newest = 0;
  }

  /** Forgets what is too old. */
  expire(now: number): void {
    let index = this.#head;
    while (index < this.#messages.length && now - this.#messages[index]!.time >= this.#age) index++;
    this.#dropTo(this.#newest - (this.#messages.length - index) + 1);
  }

  #use({ age }: HistoryBounds, now: number): void {
    this.#age = age;
    this.#used = now;
    this.expire(now);
  }

  /** Forgets what is before an offset. */
  #dropTo(offset: number): void {
    const messages = this.#messages;
    while (this.#head < messages.length && messages[this.#head]!.offset < offset) {
      this.#bytes -= messages[this.#head]!.message.length;
      this.#head++;
    }
    // The room of the forgotten is given back when they are the half, so that each message is moved once on the average.
    if (this.#head * 2 > messages.length) {
      this.#messages = messages.slice(this.#head);
      this.#head = 0;
    }
  }
}

/** Bytes that keep no more memory alive than their own. */
function ownBytes(message: Uint8Array): Uint8Array {
  return message.byteLength === message.buffer.byteLength ? message : new Uint8Array(message);
}
