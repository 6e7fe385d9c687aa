import { errorMessage } from '../../errors/error-details.js';
import { describeType } from '../../foundation/describe-type.js';

/** Frames from here on keep their payload as it is; shorter ones are copied behind their header, which costs less than a second chunk on the socket. */
const COPY_LIMIT = 4096;

const FINAL_TEXT = 0x81;
const FINAL_BINARY = 0x82;
/** Says that the message is compressed (RFC 7692, section 6). */
const RSV1 = 0x40;

function headerLength(payloadLength: number): number {
  if (payloadLength < 126) return 2;
  return payloadLength < 65536 ? 4 : 10;
}

/** Writes the header of an unmasked, final frame (RFC 6455, section 5.2). */
function writeHeader(target: Buffer, firstByte: number, payloadLength: number): void {
  target[0] = firstByte;
  if (payloadLength < 126) {
    target[1] = payloadLength;
  } else if (payloadLength < 65536) {
    target[1] = 126;
    target.writeUInt16BE(payloadLength, 2);
  } else {
    target[1] = 127;
    target.writeUInt32BE(Math.floor(payloadLength / 0x1_0000_0000), 2);
    target.writeUInt32BE(payloadLength % 0x1_0000_0000, 6);
  }
}

/** A text message as one frame in one Buffer. */
export function textFrame(text: string): Buffer {
  const payloadLength = Buffer.byteLength(text);
  const offset = headerLength(payloadLength);
  const frame = Buffer.allocUnsafe(offset + payloadLength);
  writeHeader(frame, FINAL_TEXT, payloadLength);
  // As many bytes as characters: all of them are ASCII, and Latin-1 is Node's fastest way to write them.
  frame.write(text, offset, payloadLength === text.length ? 'latin1' : 'utf8');
  return frame;
}

/** A binary message as one frame: in one Buffer if it is short, else a header and the data itself, uncopied. */
export function binaryFrame(data: Buffer): Buffer | [header: Buffer, payload: Buffer] {
  return dataFrame(FINAL_BINARY, data);
}

/** The payload of a frame that is one Buffer, as a view. */
export function payloadOf(frame: Buffer): Buffer {
  const length = frame[1]!;
  return frame.subarray(length < 126 ? 2 : length === 126 ? 4 : 10);
}

/** A text message whose UTF-8 is there already, as one frame like that of a binary message. */
export function textFrameOf(utf8: Buffer): Buffer | [header: Buffer, payload: Buffer] {
  return dataFrame(FINAL_TEXT, utf8);
}

/**
 * A message behind a header line of the sub-protocol, as one frame (reference 16.7).
 *
 * @param line with its line feed
 */
export function headedFrame(
  line: string,
  data: Buffer,
  isBinary: boolean,
): Buffer | [header: Buffer, payload: Buffer] {
  return dataFrame(isBinary ? FINAL_BINARY : FINAL_TEXT, data, Buffer.from(line));
}

function dataFrame(
  firstByte: number,
  data: Buffer,
  line: Buffer | null = null,
): Buffer | [header: Buffer, payload: Buffer] {
  const lineLength = line === null ? 0 : line.length;
  const payloadLength = lineLength + data.length;
  const offset = headerLength(payloadLength);
  const dataOffset = offset + lineLength;
  const isShort = data.length < COPY_LIMIT;
  const frame = Buffer.allocUnsafe(isShort ? offset + payloadLength : dataOffset);
  writeHeader(frame, firstByte, payloadLength);
  if (line !== null) frame.set(line, offset);
  if (!isShort) return [frame, data];
  frame.set(data, dataOffset);
  return frame;
}

/** A compressed message as one frame. */
export function compressedFrame(data: Buffer, isBinary: boolean): Buffer | [header: Buffer, payload: Buffer] {
  return dataFrame((isBinary ? FINAL_BINARY : FINAL_TEXT) | RSV1, data);
}

/** A view of binary data as a Buffer, without a copy; undefined if the object is not binary data. */
export function asBuffer(message: object): Buffer | undefined {
  if (Buffer.isBuffer(message)) return message;
  if (ArrayBuffer.isView(message)) {
    return Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  }
  if (message instanceof ArrayBuffer || message instanceof SharedArrayBuffer) return Buffer.from(message);
  return undefined;
}

/**
 * The JSON text of an object to send.
 *
 * @param caller the method that was called, for the error
 * @throws {TypeError} for what is not an object, and for an object that JSON can't carry (reference 2.1)
 */
export function asJson(message: unknown, caller: string): string {
  if (typeof message !== 'object' || message === null) {
    throw new TypeError(
      `${caller}: can't send ${describeType(message)}; ` +
        'send a string, binary data, or an object that JSON can carry',
    );
  }
  let json: string | undefined;
  try {
    json = JSON.stringify(message);
  } catch (cause) {
    throw new TypeError(`${caller}: ${describeType(message)} has no JSON: ${errorMessage(cause)}`, { cause });
  }
  if (json === undefined) {
    throw new TypeError(`${caller}: ${describeType(message)} has no JSON: toJSON() gave undefined`);
  }
  return json;
}
