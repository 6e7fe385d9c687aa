import { Packr, Unpackr } from 'msgpackr';

/**
 * What instances say to each other. All that one instance says on one channel in one turn of the event loop travels as
 * one envelope: `[version, sender, entries]` in MessagePack. Raise the version with every change to what is inside:
 * instances of another version ignore it, so that both may run side by side during a deploy.
 */
export const ENVELOPE_VERSION = 2;

export const EntryKind = {
  /** To everybody on the channel, or to the subscribers of its topic: is it binary, payload, ids left out. */
  MESSAGE: 0,
  /** To one connection: server, payload, is it binary, id. */
  SEND: 1,
  /** Close one connection: server, id, code, reason. */
  TERMINATE: 2,
  /** How many connections have you? Number of the call. */
  COUNT: 3,
  /** So many: server, number of the call, connections, instances that the one that answers knows, itself among them. */
  COUNTED: 4,
  /** I am here: server, whether an answer is wanted. */
  HELLO: 5,
  /** I leave. */
  BYE: 6,
  /** To the subscribers of any of several topics: is it binary, payload, ids left out, topics. */
  TOPICS_MESSAGE: 7,
  /** What is remembered of the channel's topic was forgotten. */
  FORGOTTEN: 8,
  /** A question of the package's own to the server on the other instances: number of the call, text. */
  ASK: 9,
  /** Its answer: server, number of the call, text. */
  ANSWER: 10,
} as const;

export type MessageEntry<Payload = Buffer> = [
  kind: typeof EntryKind.MESSAGE,
  isBinary: boolean,
  payload: Payload,
  except: readonly number[],
];
export type SendEntry<Payload = Buffer> = [
  kind: typeof EntryKind.SEND,
  server: string,
  payload: Payload,
  isBinary: boolean,
  id: number,
];
export type TerminateEntry = [
  kind: typeof EntryKind.TERMINATE,
  server: string,
  id: number,
  code: number | null,
  reason: string | null,
];
export type CountEntry = [kind: typeof EntryKind.COUNT, call: number];
export type CountedEntry = [
  kind: typeof EntryKind.COUNTED,
  server: string,
  call: number,
  connections: number,
  instances: number,
];
export type HelloEntry = [kind: typeof EntryKind.HELLO, server: string, wantsAnswer: boolean];
export type ByeEntry = [kind: typeof EntryKind.BYE];
export type ForgottenEntry = [kind: typeof EntryKind.FORGOTTEN];
export type AskEntry = [kind: typeof EntryKind.ASK, call: number, text: string];
export type AnswerEntry = [kind: typeof EntryKind.ANSWER, server: string, call: number, text: string];
export type TopicsMessageEntry<Payload = Buffer> = [
  kind: typeof EntryKind.TOPICS_MESSAGE,
  isBinary: boolean,
  payload: Payload,
  except: readonly number[],
  topics: readonly string[],
];

/** @typeParam Payload a Buffer; on its way out it may be a Blob that is still to be read */
export type Entry<Payload = Buffer> =
  | MessageEntry<Payload>
  | SendEntry<Payload>
  | TerminateEntry
  | CountEntry
  | CountedEntry
  | HelloEntry
  | ByeEntry
  | ForgottenEntry
  | AskEntry
  | AnswerEntry
  | TopicsMessageEntry<Payload>;

export interface Envelope {
  /** The instance that sent it: its first block of connection ids. */
  readonly sender: number;
  readonly entries: readonly Entry[];
}

/** Bytes on a channel of ours that are no envelope of our version. */
export class UnreadableEnvelopeError extends Error {
  override readonly name = 'UnreadableEnvelopeError';

  constructor(
    /** Whether somebody else's bytes came, or those of another release. */
    readonly reason: 'foreign' | 'version',
    message: string,
  ) {
    super(message);
  }
}

const FOREIGN = 'it is no envelope of nestjs-4d-websocket; somebody else publishes there';

// Without records every envelope stands for itself: a receiver needs no earlier one to read it.
const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false });

export function packEnvelope(sender: number, entries: readonly Entry[]): Buffer {
  return packr.pack([ENVELOPE_VERSION, sender, entries]);
}

/** @throws {UnreadableEnvelopeError} for what this version did not pack */
export function unpackEnvelope(bytes: Uint8Array): Envelope {
  let unpacked: unknown;
  try {
    // Payloads come out as what the whole is: views of a Buffer are Buffers.
    unpacked = unpackr.unpack(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch {
    throw new UnreadableEnvelopeError('foreign', FOREIGN);
  }
  if (!Array.isArray(unpacked) || !Number.isSafeInteger(unpacked[0])) {
    throw new UnreadableEnvelopeError('foreign', FOREIGN);
  }
  const [version, sender, entries] = unpacked as unknown[];
  if (version !== ENVELOPE_VERSION) {
    throw new UnreadableEnvelopeError(
      'version',
      `its version is ${String(version)}, this instance reads version ${ENVELOPE_VERSION}; ` +
        'instances of different releases run side by side',
    );
  }
  if (!Number.isSafeInteger(sender) || !Array.isArray(entries) || !entries.every(isEntry)) {
    throw new UnreadableEnvelopeError('foreign', FOREIGN);
  }
  return { sender: sender as number, entries };
}

const isBoolean = (value: unknown): boolean => typeof value === 'boolean';
const isString = (value: unknown): boolean => typeof value === 'string';
const isInteger = (value: unknown): boolean => Number.isSafeInteger(value);
const isBytes = (value: unknown): boolean => Buffer.isBuffer(value);
const isStrings = (value: unknown): boolean => Array.isArray(value) && value.every(isString);
const isIds = (value: unknown): boolean => Array.isArray(value) && value.every(isInteger);
const orNull =
  (check: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    value === null || check(value);

/** The members of each kind of entry, after the kind. */
const MEMBERS: Readonly<Record<number, readonly ((value: unknown) => boolean)[]>> = {
  [EntryKind.MESSAGE]: [isBoolean, isBytes, isIds],
  [EntryKind.SEND]: [isString, isBytes, isBoolean, isInteger],
  [EntryKind.TERMINATE]: [isString, isInteger, orNull(isInteger), orNull(isString)],
  [EntryKind.COUNT]: [isInteger],
  [EntryKind.COUNTED]: [isString, isInteger, isInteger, isInteger],
  [EntryKind.HELLO]: [isString, isBoolean],
  [EntryKind.BYE]: [],
  [EntryKind.FORGOTTEN]: [],
  [EntryKind.ASK]: [isInteger, isString],
  [EntryKind.ANSWER]: [isString, isInteger, isString],
  [EntryKind.TOPICS_MESSAGE]: [isBoolean, isBytes, isIds, isStrings],
};

function isEntry(value: unknown): value is Entry {
  if (!Array.isArray(value)) return false;
  const members = MEMBERS[value[0] as number];
  if (members === undefined || value.length !== members.length + 1) return false;
  for (let index = 0; index < members.length; index++) if (!members[index]!(value[index + 1])) return false;
  return true;
}
