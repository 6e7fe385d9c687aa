import type { HistoryPage } from '../interfaces/index.js';
import { unpackMessage } from './entry.js';
import type { PastMessage } from './past-message.js';
import { PAGE_LENGTH, type TopicLog } from './topic-log.js';

/** A part of a topic's past, for all who missed it. */
export interface PastPage {
  readonly epoch: string;
  readonly newest: number;
  readonly oldest: number;
  readonly messages: readonly PastMessage[];
}

interface CachedPage {
  /** The offset that it follows. */
  readonly after: number;
  readonly page: Promise<PastPage | undefined>;
  /** The offset behind which a page at the end of the topic may have grown; undefined for one that is full. */
  end: number | undefined;
}

const MAX_PAGES = 64;
/** How long a page is kept, in milliseconds: clients that lost one instance come back at once. */
const LIFETIME = 5_000;

/** The pages that were read last: clients that missed the same get the same frames (reference 16.8). */
export class PageCache {
  /** Of each stretch of a topic the page that begins first: whoever missed less finds the rest in it, too. */
  readonly #pages = new Map<string, CachedPage>();

  /**
   * What follows an offset of a topic; undefined if its log is closed before.
   *
   * @returns a promise of a page that may begin earlier
   */
  async read(log: TopicLog, after: number): Promise<PastPage | undefined> {
    const key = JSON.stringify([log.channel, log.epoch, Math.floor(after / PAGE_LENGTH)]);
    const known = this.#pages.get(key);
    if (known !== undefined && known.after <= after && (known.end ?? Infinity) >= log.offset) {
      const page = await known.page;
      // A page of long messages ends early.
      if (page === undefined || page.messages.length === 0 || lastOf(page) > after) return page;
    }
    return this.#readAnew(key, log, after).page;
  }

  #readAnew(key: string, log: TopicLog, after: number): CachedPage {
    // Those who missed more or less meet at the same places.
    const limit = PAGE_LENGTH - (after % PAGE_LENGTH);
    const cached: CachedPage = { after, page: this.#read(log, after, limit), end: log.offset };
    this.#pages.delete(key);
    this.#pages.set(key, cached);
    void cached.page.then((page) => {
      if (page === undefined) return;
      const isFull =
        page.messages.length === limit || (page.messages.length > 0 && lastOf(page) < page.newest);
      cached.end = isFull ? undefined : page.newest;
    });
    setTimeout(() => this.#drop(key, cached), LIFETIME).unref();
    if (this.#pages.size > MAX_PAGES) this.#pages.delete(this.#pages.keys().next().value!);
    return cached;
  }

  async #read(log: TopicLog, after: number, limit: number): Promise<PastPage | undefined> {
    const page = await log.read(after, limit);
    return page === undefined ? undefined : { ...page, messages: messagesOf(log, page) };
  }

  #drop(key: string, cached: CachedPage): void {
    if (this.#pages.get(key) === cached) this.#pages.delete(key);
  }
}

/** The offset of its last message. */
function lastOf({ messages }: PastPage): number {
  return messages.at(-1)?.offset ?? 0;
}

function messagesOf(log: TopicLog, { entries }: HistoryPage): PastMessage[] {
  return entries.map(({ offset, message }) => {
    const remembered = unpackMessage(message);
    if (remembered === undefined) log.reportForeign(offset);
    return {
      offset,
      except: remembered?.except ?? [],
      message: remembered && log.frames.of(offset, remembered),
    };
  });
}
