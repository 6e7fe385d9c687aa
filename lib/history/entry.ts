import { Packr, Unpackr } from 'msgpackr';

/** Raised with every change to what is inside; instances of another version leave such messages out. */
const VERSION = 1;

/** A message as a history keeps it. */
export interface RememberedMessage {
  readonly payload: Buffer;
  readonly isBinary: boolean;
  /** Ids of the connections that are left out. */
  readonly except: readonly number[];
}

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false });

export function packMessage({ payload, isBinary, except }: RememberedMessage): Buffer {
  return packr.pack([VERSION, isBinary, payload, except]);
}

/** The message of these bytes; undefined for what this version did not pack. */
export function unpackMessage(bytes: Uint8Array): RememberedMessage | undefined {
  let unpacked: unknown;
  try {
    unpacked = unpackr.unpack(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch {
    return undefined;
  }
  if (!Array.isArray(unpacked)) return undefined;
  const [version, isBinary, payload, except] = unpacked as unknown[];
  if (version !== VERSION || typeof isBinary !== 'boolean' || !Buffer.isBuffer(payload)) return undefined;
  if (!Array.isArray(except) || !except.every((id) => Number.isSafeInteger(id))) return undefined;
  return { payload, isBinary, except: except as number[] };
}
