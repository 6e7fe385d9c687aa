import { describeType } from '../foundation/describe-type.js';

/** The close codes that the package itself uses: those of RFC 6455, section 7.4.1, and one of its own. */
export const CloseCode = {
  /** The server is going away. */
  GOING_AWAY: 1001,
  /** The protocol was violated. */
  PROTOCOL_ERROR: 1002,
  /** The connection broke: no close frame came. */
  ABNORMAL: 1006,
  /** The data did not fit its type: no UTF-8. */
  INVALID_DATA: 1007,
  /** A limit was exceeded. */
  POLICY_VIOLATION: 1008,
  /** The server failed. */
  INTERNAL_ERROR: 1011,
  /** The server can't go on with this client now. */
  TRY_AGAIN_LATER: 1013,
  /** The client's token has expired, or was refused: an application's code that says what HTTP's 401 says. */
  UNAUTHORIZED: 4401,
} as const;

/** A control frame holds 125 bytes; two are the code (RFC 6455, section 5.5). */
export const MAX_REASON_BYTES = 123;

/** As much of a text as a close frame holds, cut between two characters. */
export function closeReason(text: string): string {
  if (Buffer.byteLength(text) <= MAX_REASON_BYTES) return text;
  let reason = '';
  let bytes = 0;
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > MAX_REASON_BYTES) break;
    reason += character;
  }
  return reason;
}

/** Whether an application's code goes into the close frame (reference 2.2). */
export function isCloseCode(code: number): boolean {
  return code > 3000 && code <= 4999;
}

/**
 * Checks what an application wants to close a connection with.
 *
 * @param caller the method, for the error
 * @throws {RangeError} for a code that is no integer or above 4999, and for a reason that is too long
 * @throws {TypeError} for a reason that is no string
 */
export function checkTermination(caller: string, code: number | undefined, reason: string | undefined): void {
  if (code !== undefined && (!Number.isInteger(code) || code > 4999)) {
    throw new RangeError(`${caller}: the code must be an integer of at most 4999, got ${String(code)}`);
  }
  if (reason === undefined) return;
  if (typeof reason !== 'string') {
    throw new TypeError(`${caller}: the message must be a string, got ${describeType(reason)}`);
  }
  const length = Buffer.byteLength(reason);
  if (length > MAX_REASON_BYTES) {
    throw new RangeError(
      `${caller}: the message must be at most ${MAX_REASON_BYTES} bytes of UTF-8, got ${length}`,
    );
  }
}
