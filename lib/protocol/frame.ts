/** A header: its kind, then what is told. */
export type Header = readonly [kind: string, ...members: unknown[]];

/** What ends a header line; before it an application's message has nothing. */
export const LINE_FEED = 0x0a;

const encoder = new TextEncoder();

/** The UTF-8 of a text. */
export const encode = (text: string): Uint8Array => encoder.encode(text);

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The text of UTF-8.
 *
 * @throws {TypeError} for what is none
 */
export const decode = (bytes: Uint8Array): string => decoder.decode(bytes);

/** The line that comes before a payload: empty before a message of the application's. */
export const headerLine = (header?: Header): string => `${header ? JSON.stringify(header) : ''}\n`;

/** A frame's content: of a text frame a text, of a binary one bytes (reference 16.7). */
export function encodeFrame(header: Header | undefined, payload: string): string;
export function encodeFrame(header: Header | undefined, payload: Uint8Array): Uint8Array;
export function encodeFrame(header: Header | undefined, payload: string | Uint8Array): string | Uint8Array;
export function encodeFrame(header: Header | undefined, payload: string | Uint8Array): string | Uint8Array {
  const line = headerLine(header);
  if (isText(payload)) return line + payload;
  const head = encode(line);
  const frame = new Uint8Array(head.length + payload.length);
  frame.set(head);
  frame.set(payload, head.length);
  return frame;
}

/**
 * Where a frame's header line ends: 0 of a message of the application's. The payload begins at the next place.
 *
 * @throws {Error} if there is no header line
 */
export function headerEnd(frame: string | Uint8Array): number {
  const end = isText(frame) ? frame.indexOf('\n') : frame.indexOf(LINE_FEED);
  if (end < 0) throw new Error('A frame has no valid header line');
  return end;
}

/** Whether a member of a header is what it has to be; it is undefined where there is none. */
export type Shape = (member: unknown) => boolean;

/** The members of each kind of header. Members after them are for later versions. */
export type Shapes = Readonly<Record<string, readonly Shape[]>>;

export const isText = (member: unknown): member is string => typeof member === 'string';

/** A count, an offset or an id. */
export const isWhole: Shape = (member) => Number.isSafeInteger(member) && (member as number) >= 0;

export const isArrayOf =
  (shape: Shape, most = Infinity): Shape =>
  (member) =>
    Array.isArray(member) && member.length <= most && member.every(shape);

/**
 * Reads a frame's header, of which {@link headerEnd} told where it ends.
 *
 * @returns undefined for a kind that there is none of: it is of a later version, and ignored
 * @throws {Error} for what is no header, or one of a known kind with other members
 */
export function decodeHeader(frame: string | Uint8Array, end: number, shapes: Shapes): Header | undefined {
  const line = frame.slice(0, end);
  const header: unknown = JSON.parse(isText(line) ? line : decode(line));
  if (Array.isArray(header) && isText(header[0])) {
    const [kind, ...members] = header as [string];
    if (!Object.hasOwn(shapes, kind)) return undefined;
    if (shapes[kind]!.every((isRight, index) => isRight(members[index]))) return header as [string];
  }
  throw new Error('A frame has no valid header line');
}
