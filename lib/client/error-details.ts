import type { ComponentSignature } from '../interfaces/ws-error.js';
import { isText } from '../protocol/frame.js';
import { describe } from './describe.js';
import type { ClientErrorEvent } from './events.js';

/** How far a chain of causes is followed; a chain may be a ring. */
const MAX_CAUSES = 16;

/** What `onError` receives of a failure: itself first, then the chain of its causes (reference 12.1). */
export function errorEvent(
  failure: unknown,
  componentSignature: ComponentSignature,
  errCode: number,
): ClientErrorEvent {
  const errors: unknown[] = [];
  let error = failure;
  do {
    // By its members: an error may be of another realm.
    const { message, cause } = Object(error) as Partial<Error>;
    errors.push({
      errCode,
      message: isText(message) ? message : describe(error),
      componentSignature,
      error,
    });
    error = cause;
  } while (error !== undefined && errors.length <= MAX_CAUSES);
  return { type: 'error', errors: errors as ClientErrorEvent['errors'] };
}
