/** The close codes of RFC 6455, section 7.4.1, that the package itself uses. */
export const CloseCode = {
  /** The server is going away. */
  GOING_AWAY: 1001,
  /** The protocol was violated. */
  PROTOCOL_ERROR: 1002,
  /** The connection broke: no close frame came. */
  ABNORMAL: 1006,
  /** The data did not fit its type: no UTF-8. */
  INVALID_DATA: 1007,
  /** The server failed. */
  INTERNAL_ERROR: 1011,
  /** The server can't go on with this client now. */
  TRY_AGAIN_LATER: 1013,
} as const;

/** A control frame holds 125 bytes; two are the code (RFC 6455, section 5.5). */
export const MAX_REASON_BYTES = 123;

/** Whether an application's code goes into the close frame (SPEC 2.2). */
export function isCloseCode(code: number): boolean {
  return code > 3000 && code <= 4999;
}
