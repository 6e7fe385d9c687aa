import type { BackplaneObserver, TopicPosition } from '../interfaces/index.js';

/** What was appended to a history, as it travels on its channel. */
export interface RememberedMessage {
  readonly first: TopicPosition;
  readonly messages: readonly Uint8Array[];
}

/** Begins nothing else on a channel: no message of MessagePack begins with it. */
const MARK = 0xc1;
const VERSION = 1;
const LINE_FEED = 0x0a;

/**
 * Reads `<mark><version><epoch> <offset> <length of each message...>\n<messages>`; undefined if it is anything else. The messages share
 * the bytes. Without messages it says where the next one will stand.
 */
export function decodeRememberedMessage(bytes: Uint8Array): RememberedMessage | undefined {
  if (bytes[0] !== MARK || bytes[1] !== VERSION) return undefined;
  const end = bytes.indexOf(LINE_FEED);
  if (end < 0) return undefined;
  const header = Buffer.from(bytes.buffer, bytes.byteOffset + 2, end - 2)
    .toString('latin1')
    .split(' ');
  const epoch = header[0]!;
  const [offset, ...lengths] = header.slice(1).map(Number);
  if (!Number.isSafeInteger(offset) || offset! < 1) return undefined;
  const messages: Uint8Array[] = [];
  let begin = end + 1;
  for (const length of lengths) {
    if (!(length >= 0)) return undefined;
    messages.push(bytes.subarray(begin, (begin += length)));
  }
  return begin === bytes.length ? { first: { epoch, offset: offset! }, messages } : undefined;
}

/** The bytes that {@link decodeRememberedMessage} reads. */
export function encodeRememberedMessage({ first, messages }: RememberedMessage): Buffer {
  const lengths = messages.map((message) => ` ${message.length}`).join('');
  const header = Buffer.from(`\0\0${first.epoch} ${first.offset}${lengths}\n`);
  header[0] = MARK;
  header[1] = VERSION;
  return Buffer.concat([header, ...messages]);
}

/** Tells an observer what came on a channel: what was appended to its history, or what was published there. */
export function tellObserver(observer: BackplaneObserver, channel: string, bytes: Uint8Array): void {
  const remembered = bytes[0] === MARK ? decodeRememberedMessage(bytes) : undefined;
  if (remembered === undefined) observer.receive(channel, bytes);
  else if (remembered.messages.length > 0)
    observer.remembered(channel, remembered.first, remembered.messages);
}
