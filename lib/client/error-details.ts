import type { ComponentSignature } from '../interfaces/ws-error.js';
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
    const isError = error instanceof Error;
    const message = isError ? (error as Error).message : describe(error);
    errors.push({ errCode, message, componentSignature, error });
    error = isError ? (error as Error).cause : undefined;
  } while (error !== undefined && errors.length <= MAX_CAUSES);
  return { type: 'error', errors: errors as ClientErrorEvent['errors'] };
}
