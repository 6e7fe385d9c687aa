import type { PastMessage } from './past-message.js';

/** How many bytes are kept: as many as may wait for one of those who catch up. */
const MAX_BYTES = 256 * 1024;

/** What came a moment ago, for those who catch up: they need not read what is live meanwhile (reference 16.3). */
export class RecentMessages {
  #wanted = 0;
  #messages: PastMessage[] = [];
  #bytes = 0;

  /** Whether somebody catches up. */
  get isWanted(): boolean {
    return this.#wanted > 0;
  }

  /** Somebody catches up: what comes from now on is kept. */
  begin(): void {
    this.#wanted++;
  }

  /** Somebody is done; nothing is kept for nobody. */
  end(): void {
    if (--this.#wanted === 0) this.clear();
  }

  keep(message: PastMessage, bytes: number): void {
    if (!this.isWanted) return;
    // What is behind a hole does not follow what is before it.
    const follows = this.#messages.at(-1)?.offset === message.offset - 1;
    if (!follows || this.#bytes + bytes > MAX_BYTES) this.clear();
    this.#messages.push(message);
    this.#bytes += bytes;
  }

  /** What came after an offset up to now; undefined if not all of it was kept. */
  after(offset: number): readonly PastMessage[] | undefined {
    const index = this.#messages.findIndex((message) => message.offset === offset + 1);
    return index === -1 ? undefined : this.#messages.slice(index);
  }

  clear(): void {
    this.#messages = [];
    this.#bytes = 0;
  }
}
