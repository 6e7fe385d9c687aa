import { decodeHeader, isArrayOf, isText, isWhole, type Shapes } from './frame.js';
import { MAX_IDS, MAX_POSITIONS } from './limits.js';

/** Where a client stands in a topic: what it has of it. */
export type ClientPosition = readonly [topic: string, epoch: string, offset: number];

/** First, before anything else: the ids of a client's earlier connections, and where it stands in its topics. */
export type PositionsHeader = readonly [
  'positions',
  ids: readonly number[],
  positions: readonly ClientPosition[],
];

/** The headers that a client sends (reference 16.7, docs/protocol.md). */
export type ClientHeader =
  | PositionsHeader
  /** A new token, in the place of the one that expires (reference 19.5). */
  | readonly ['token', token: string];

const POSITION = [isText, isText, isWhole];

const POSITIONS: Shapes = {
  positions: [
    isArrayOf(isWhole, MAX_IDS),
    isArrayOf(
      (position) => Array.isArray(position) && POSITION.every((isRight, index) => isRight(position[index])),
      MAX_POSITIONS,
    ),
  ],
};

/**
 * Reads the header with a client's positions.
 *
 * @param end where it ends, of `headerEnd`; not 0
 * @returns undefined for a header of another kind
 * @throws {Error} for what breaks the protocol
 */
export const decodePositions = (frame: string | Uint8Array, end: number): PositionsHeader | undefined =>
  decodeHeader(frame, end, POSITIONS) as PositionsHeader | undefined;

/**
 * Reads the header of what came from a client.
 *
 * @param end where it ends, of `headerEnd`; not 0
 * @returns undefined for a kind that there is none of
 * @throws {Error} for what breaks the protocol
 */
export function decodeClientHeader(frame: string | Uint8Array, end: number): ClientHeader | undefined {
  return decodeHeader(frame, end, { ...POSITIONS, token: [isText] }) as ClientHeader | undefined;
}
