import type { HistoryMessage, HistoryPage, HistoryQuery } from '../interfaces/index.js';
import { unpackMessage } from './entry.js';

/** How many messages are read at once. */
const PAGE_LENGTH = 256;

/**
 * Reads a part of a topic's history, page by page (reference 16.6).
 *
 * @param read a page of the history that follows an offset
 * @param decode what a message is for `onMessage`
 */
export async function readHistory(
  read: (after: number, limit: number) => Promise<HistoryPage>,
  { last, since, until, limit = Infinity }: HistoryQuery,
  decode: (payload: Buffer, isBinary: boolean) => unknown,
): Promise<HistoryMessage[]> {
  const { epoch, newest } = await read(0, 0);
  // Of another epoch everything came before this one, and nothing can be up to it.
  if (until !== undefined && until.epoch !== epoch) return [];
  const end = Math.min(newest, until?.offset ?? newest);
  let at = since?.epoch === epoch ? since.offset : 0;
  if (last !== undefined) at = Math.max(at, end - last);
  const messages: HistoryMessage[] = [];
  while (at < end && messages.length < limit) {
    const page = await read(at, Math.min(PAGE_LENGTH, end - at));
    if (page.epoch !== epoch || page.entries.length === 0) break;
    for (const { offset, message } of page.entries) {
      at = offset;
      if (offset > end || messages.length >= limit) break;
      const remembered = unpackMessage(message);
      if (remembered === undefined) continue;
      const { payload, isBinary } = remembered;
      messages.push({ position: { epoch, offset }, data: decode(payload, isBinary) });
    }
  }
  return messages;
}
