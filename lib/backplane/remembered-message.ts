import type { TopicPosition } from '../interfaces/index.js';

/** What was appended to a history, as it travels on its channel. */
export interface RememberedMessage {
  readonly first: TopicPosition;
  readonly messages: readonly Uint8Array[];
}

/** Begins nothing else on a channel: no message of MessagePack begins with it. */
export const MARK = 0xc1;
const VERSION = 1;
const LINE_FEED = 0x0a;

/**
 * Reads `<mark><version><epoch> <offset> <length of each message...>\n<messages>`; undefined if it is anything else. The messages share
 * the bytes.
 */
export function parseRememberedMessage(bytes: Uint8Array): RememberedMessage | undefined {
  if (bytes[0] !== MARK || bytes[1] !== VERSION) return undefined;
  const end = bytes.indexOf(LINE_FEED);
  if (end < 0) return undefined;
  const header = Buffer.from(bytes.buffer, bytes.byteOffset + 2, end - 2)
    .toString('latin1')
    .split(' ');
  const epoch = header[0]!;
  const [offset, ...lengths] = header.slice(1).map(Number);
  if (!isPosition(offset)) return undefined;
  const messages: Uint8Array[] = [];
  let begin = end + 1;
  for (const length of lengths) {
    if (!(length >= 0)) return undefined;
    messages.push(bytes.subarray(begin, (begin += length)));
  }
  return begin === bytes.length && messages.length > 0 ? { first: { epoch, offset }, messages } : undefined;
}

function isPosition(offset: number | undefined): offset is number {
  return Number.isSafeInteger(offset) && offset! > 0;
}
