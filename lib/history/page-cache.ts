import type { HistoryPage } from '../interfaces/index.js';
import type { SharedMessage } from '../server/message/shared-message.js';
import { unpackMessage } from './entry.js';
import type { TopicLog } from './topic-log.js';

/** A message of the past, as it is sent. */
export interface PastMessage {
  readonly offset: number;
  readonly except: readonly number[];
  /** Undefined for what is no message of ours. */
  readonly message: SharedMessage | undefined;
}

/** A part of a topic's past, for all who missed it. */
export interface PastPage {
  readonly epoch: string;
  readonly newest: number;
  readonly oldest: number;
  readonly messages: readonly PastMessage[];
}

interface CachedPage {
  readonly page: Promise<PastPage | undefined>;
  /** The offset behind which a page at the end of the topic may have grown; undefined for one that is full. */
  end: number | undefined;
}

/** How many messages are read at once. */
const PAGE_LENGTH = 128;
const MAX_PAGES = 64;
/** How long a page is kept, in milliseconds: clients that lost one instance come back at once. */
const LIFETIME = 2_000;

/** The pages that were read last: clients that missed the same get the same frames (reference 16.8). */
export class PageCache {
  readonly #pages = new Map<string, CachedPage>();

  /** What follows an offset of a topic; undefined if its log is closed before. */
  read(log: TopicLog, after: number): Promise<PastPage | undefined> {
    const key = JSON.stringify([log.channel, log.epoch, after]);
    const known = this.#pages.get(key);
    if (known !== undefined && (known.end === undefined || known.end >= log.offset)) return known.page;
    // Those who missed more or less meet at the same places.
    const limit = PAGE_LENGTH - (after % PAGE_LENGTH);
    const cached: CachedPage = { page: this.#read(log, after, limit), end: log.offset };
    this.#pages.set(key, cached);
    void cached.page.then((page) => {
      const last = page?.messages.at(-1)?.offset;
      if (last !== undefined && (page!.messages.length === limit || last < page!.newest))
        cached.end = undefined;
      else cached.end = page?.newest ?? 0;
    });
    setTimeout(() => this.#drop(key, cached), LIFETIME).unref();
    if (this.#pages.size > MAX_PAGES) this.#pages.delete(this.#pages.keys().next().value!);
    return cached.page;
  }

  async #read(log: TopicLog, after: number, limit: number): Promise<PastPage | undefined> {
    const page = await log.read(after, limit);
    return page === undefined ? undefined : { ...page, messages: messagesOf(log, page) };
  }

  #drop(key: string, cached: CachedPage): void {
    if (this.#pages.get(key) === cached) this.#pages.delete(key);
  }
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
