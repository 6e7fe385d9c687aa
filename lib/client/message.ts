import type { DataType } from '../interfaces/data-type.js';
import { decode, encode, encodeFrame, headerLine, isText } from '../protocol/frame.js';
import { isObject } from './describe.js';
import { check } from './rule.js';
import type { Payload } from './transport.js';

/**
 * What goes out of a message (reference 2.1): a string as text, binary data as binary, another object as its JSON.
 *
 * @throws {TypeError} for anything else, and for an object that JSON can't carry
 */
export function toPayload(message: unknown): Payload {
  if (isText(message)) return message;
  let payload: Payload | undefined;
  if (isObject(message)) {
    if (message instanceof Blob) return message;
    // JSON throws a TypeError of its own that tells what it can't carry, and makes nothing of some objects.
    payload = toBytes(message) ?? JSON.stringify(message);
  }
  check(
    [undefined, () => payload !== undefined, 'a string, binary data or an object that JSON can carry'],
    'message',
    message === null ? message : typeof message,
  );
  return payload!;
}

/** A message as a frame of the sub-protocol (reference 16.7). */
export function toFrame(payload: Payload): Payload {
  return payload instanceof Blob ? new Blob([headerLine(), payload]) : encodeFrame(undefined, payload);
}

function toBytes(data: object): Uint8Array | undefined {
  const { byteOffset, byteLength } = data as Uint8Array;
  const buffer = ArrayBuffer.isView(data) ? data.buffer : data;
  // By name: there are other realms, and pages without SharedArrayBuffer.
  const name = Object.prototype.toString.call(buffer) as string;
  if (!name.endsWith('ArrayBuffer]')) return undefined;
  const bytes = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
  // Browsers send no shared memory.
  return name.includes('Shared') ? bytes.slice() : bytes;
}

/** How many bytes a message has. */
export function sizeOf(payload: Payload): number {
  return isText(payload)
    ? encode(payload).length
    : ((payload as Partial<Blob>).size ?? (payload as Uint8Array).length);
}

/**
 * What `onMessage` gets of a message (reference 5.1).
 *
 * @throws {SyntaxError} for what is not JSON
 * @throws {TypeError} for binary data that is not UTF-8
 */
export function decodeMessage(data: string | Uint8Array, dataType: DataType): unknown {
  if (dataType === 'blob') return isText(data) ? encode(data) : data;
  const text = isText(data) ? data : decode(data);
  return dataType === 'object' ? JSON.parse(text) : text;
}
