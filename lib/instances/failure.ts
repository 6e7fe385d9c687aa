import { errorDetails } from '../errors/error-details.js';

const UNREADABLE = 'a value that can not be read was thrown';

/** What was thrown, as an error that can be read: a backplane of anybody's may throw anything. */
export function toError(thrown: unknown): Error {
  if (isReadableError(thrown)) return thrown;
  return new Error(describe(thrown));
}

function isReadableError(thrown: unknown): thrown is Error {
  try {
    if (!(thrown instanceof Error)) return false;
    // All that is told of an error and its causes.
    for (const { message, error } of errorDetails(thrown, 'bkpl')) {
      const stack = error instanceof Error ? error.stack : undefined;
      if (!isText(message) || (stack !== undefined && !isText(stack))) return false;
    }
    return true;
  } catch {
    return false;
  }
}

function describe(thrown: unknown): string {
  try {
    const message = (thrown as { message?: unknown } | null | undefined)?.message;
    return isText(message) ? message : String(thrown);
  } catch {
    return UNREADABLE;
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
