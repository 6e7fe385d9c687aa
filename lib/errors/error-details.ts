import { HttpException } from '@nestjs/common';
import type { ComponentSignature, WSError, WSErrorEvent } from '../interfaces/index.js';
import { CloseCode } from './close-code.js';
import { MessageDecodeError } from './message-decode.error.js';

/** The non-empty list of errors that `onError` receives. */
export type ErrorList = WSErrorEvent['errors'];

/** How far a chain of causes is followed; a chain may be a ring. */
const MAX_CAUSES = 16;

/** What `ws` calls what clients do wrong, as close codes; the others of its errors are protocol violations. */
const PROTOCOL_ERROR_CODES: Readonly<Record<string, number>> = {
  WS_ERR_INVALID_UTF8: 1007,
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 1008,
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 1009,
};

/**
 * The errors of a failure: itself first, then the chain of its causes (reference 12.1). Never throws, whatever was thrown: an
 * error may have a getter that throws, and need not be an error at all.
 *
 * @param failure what was thrown, of whatever type
 * @param componentSignature where it was thrown
 * @param errCode the code of the failure; without it, by what the failure is
 */
export function errorDetails(
  failure: unknown,
  componentSignature: ComponentSignature,
  errCode?: number,
): ErrorList {
  const errors: ErrorList = [describe(failure, componentSignature, errCode)];
  let cause = attempt(() => (failure as Error).cause);
  while (cause !== undefined && cause !== null && errors.length <= MAX_CAUSES) {
    errors.push(describe(cause, componentSignature));
    const current = cause;
    cause = attempt(() => (current as Error).cause);
  }
  return errors;
}

/** The code of an error that `ws` emitted for a connection. */
export function protocolErrorCode(error: Error & { code?: unknown }): number {
  // A Blob that can not be read, and the like, is no fault of the client's.
  const code: unknown = error.code;
  if (typeof code !== 'string' || !code.startsWith('WS_ERR_')) return CloseCode.INTERNAL_ERROR;
  return PROTOCOL_ERROR_CODES[code] ?? CloseCode.PROTOCOL_ERROR;
}

/** One error of the list. The response is looked up when it is asked for: it is the exception's own. */
class ErrorEntry implements WSError {
  constructor(
    readonly errCode: number,
    readonly message: string,
    readonly componentSignature: ComponentSignature,
    readonly error: unknown,
  ) {}

  get response(): string | object | undefined {
    const { error } = this;
    return attempt(() => (error instanceof HttpException ? error.getResponse() : undefined));
  }
}

function describe(failure: unknown, componentSignature: ComponentSignature, errCode?: number): WSError {
  const code = errCode ?? attempt(() => errorCode(failure));
  const known = Number.isInteger(code) ? code! : CloseCode.INTERNAL_ERROR;
  return new ErrorEntry(known, errorMessage(failure), componentSignature, failure);
}

function errorCode(failure: unknown): number {
  if (failure instanceof HttpException) return failure.getStatus();
  if (failure instanceof MessageDecodeError) return failure.errCode;
  return CloseCode.INTERNAL_ERROR;
}

/** What a failure says, whatever was thrown. */
export function errorMessage(failure: unknown): string {
  return (
    attempt(() => String(failure instanceof Error ? failure.message : failure)) ??
    'a value without a string form was thrown'
  );
}

/** Where a failure was made, if it tells. */
export function errorStack(failure: unknown): string | undefined {
  return attempt(() => (failure instanceof Error ? failure.stack : undefined));
}

/** What a function gives; undefined if it throws. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
