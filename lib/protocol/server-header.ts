import { decodeHeader, isArrayOf, isText, isWhole, type Shapes } from './frame.js';

/** The headers that a server sends (reference 16.7, docs/protocol.md). */
export type ServerHeader =
  /** First, before anything else. `heartbeat`: the server says something at least that often, in milliseconds; 0 promises nothing. */
  | readonly ['hello', { readonly id: number; readonly heartbeat: number }]
  /** Nothing but a sign of life. */
  | readonly ['heartbeat']
  /** The client follows the topic from this position on. With `recovered` it answers what the client brought. */
  | readonly [
      'topic',
      topic: string,
      epoch: string,
      offset: number,
      recovered?: boolean,
      lost?: number | null,
    ]
  /** Before a message of a topic with history, of the epoch that the last `topic` told. */
  | readonly ['message', topic: string, offset: number]
  /** The client follows the topic no longer. */
  | readonly ['left', topic: string]
  /** All that was missed of these topics has been sent. */
  | readonly ['resumed', topics: readonly string[]]
  /** The client's token expires: it may send another after so many milliseconds, at most 2^31 - 1, and a good while before it does. */
  | readonly ['refresh', delay: number];

const SHAPES: Shapes = {
  hello: [
    (member) => {
      const { id, heartbeat } = Object(member) as Record<string, unknown>;
      return isWhole(id) && isWhole(heartbeat);
    },
  ],
  heartbeat: [],
  topic: [
    isText,
    isText,
    isWhole,
    (recovered) => recovered === undefined || typeof recovered === 'boolean',
    (lost) => lost === undefined || lost === null || isWhole(lost),
  ],
  message: [isText, isWhole],
  left: [isText],
  resumed: [isArrayOf(isText)],
  refresh: [isWhole],
};

/**
 * Reads the header of what came from a server.
 *
 * @param end where it ends, of `headerEnd`; not 0
 * @returns undefined for a kind that there is none of
 * @throws {Error} for what breaks the protocol
 */
export function decodeServerHeader(frame: string | Uint8Array, end: number): ServerHeader | undefined {
  return decodeHeader(frame, end, SHAPES) as ServerHeader | undefined;
}
