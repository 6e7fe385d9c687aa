import type { HistoryBounds, HistoryPage, TopicPosition } from '../interfaces/index.js';

/** Bytes as the channel between two processes carries them: JSON needs text. */
export type SentBytes = Uint8Array | string;

/** What a worker asks of the memory of the primary. */
export type HistoryQuestion =
  | { task: 'append'; channel: string; messages: readonly SentBytes[]; bounds: HistoryBounds }
  | { task: 'read'; channel: string; after: number; limit: number; bounds: HistoryBounds }
  | { task: 'forget'; channel: string; epoch: string | undefined };

/** A page, as it is sent. */
export interface SentPage extends Omit<HistoryPage, 'entries'> {
  readonly first: number;
  readonly messages: readonly SentBytes[];
}

/** What workers and their primary send each other, under {@link MESSAGE_KEY}. */
export type RelayMessage =
  /** A worker is there; whether the bytes arrive as bytes tells how the two processes serialize. */
  | { kind: 'join'; probe: Uint8Array }
  | { kind: 'joined'; takesBytes: boolean }
  | { kind: 'subscribe' | 'unsubscribe'; channels: readonly string[] }
  | { kind: 'message'; channel: string; data: SentBytes }
  /** Something was appended to the history of a channel. */
  | { kind: 'remembered'; channel: string; first: TopicPosition; messages: readonly SentBytes[] }
  /** Messages for the worker were dropped. */
  | { kind: 'behind' }
  | { kind: 'ask'; id: number; question: HistoryQuestion }
  | { kind: 'answer'; id: number; answer: TopicPosition | SentPage | null }
  | { kind: 'leave' };

const MESSAGE_KEY = 'nestjs-4d-websocket';

/** Puts a message of ours into an object that no other user of the channel takes for its own. */
export function wrap(message: RelayMessage): Record<string, RelayMessage> {
  return { [MESSAGE_KEY]: message };
}

/** The message of ours in what came; undefined if it is somebody else's. */
export function unwrap(message: unknown): RelayMessage | undefined {
  if (typeof message !== 'object' || message === null) return undefined;
  return (message as Record<string, RelayMessage | undefined>)[MESSAGE_KEY];
}

export function encodeBytes(bytes: Uint8Array, takesBytes: boolean): SentBytes {
  return takesBytes
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

export function decodeBytes(data: SentBytes): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data, 'base64') : data;
}
