import { isPromise } from '../../foundation/promise.js';
import { httpError } from './refusal.js';

/**
 * Checks that a client that brings a new token is still the same user (reference 19.5).
 *
 * @param user what `refreshKey` said of the request so far
 * @param bringing what it says of the one with the new token
 * @throws {HttpException} with 401 if it is another
 * @throws {TypeError} for keys that can tell nobody from anybody
 */
export function checkSameUser(user: unknown, bringing: unknown): void {
  for (const [key, which] of [
    [user, 'the request so far'],
    [bringing, 'the request with the new token'],
  ] as const) {
    if (key !== undefined && key !== null && !isPromise(key)) continue;
    throw new TypeError(
      `The option "refreshKey" gave ${isPromise(key) ? 'a promise' : String(key)} for ${which}: it must tell a user from all others, ` +
        'by what the guards of onConnection write to the request; onConnection itself does not run again',
    );
  }
  if (!Object.is(user, bringing)) throw httpError(401, "Another user's token");
}
