/**
 * Close codes that tell that another attempt would end as this one did (reference 15.4): 1002, 1003, 1007, 1008,
 * 1010, and an application's but those that say what HTTP says with 408, 425, 429 and 5xx: later.
 */
const FINAL = /^(1002|1003|1007|1008|1010|4(?!408|425|429|5)\d{3})$/;

/** The close code of a refusal that a new token may change. */
export const UNAUTHORIZED = 4401;

/**
 * Whether a client gives up (reference 15.4).
 *
 * @param code the close code, or 4000 and the status of a refused handshake
 * @param refused whether it is of a refused handshake
 */
export function isFinal(code: number, refused: boolean): boolean {
  return FINAL.test(String(code)) && (!refused || (code >= 4400 && code < 4500));
}

/**
 * How long to wait before an attempt: anything from `minDelay` to a bound that doubles with each attempt, so that
 * clients which were lost at once do not come back at once (reference 15.4).
 *
 * @param attempt which one in a row, from 1
 */
export function reconnectDelay(attempt: number, minDelay: number, maxDelay: number): number {
  const bound = Math.min(maxDelay, minDelay * 2 ** attempt);
  return Math.round(minDelay + Math.random() * (bound - minDelay));
}
