import { HttpException } from '@nestjs/common';
import type { ComponentSignature, WSErrorEvent } from '../interfaces/index.js';
import { CloseCode } from './close-code.js';
import { MessageDecodeError } from './message-codec.js';

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
 * The errors of a failure: itself first, then the chain of its causes (SPEC 12.1).
 *
 * @param failure what was thrown, of whatever type
 * @param componentSignature where it was thrown
 * @param errCode the code of the failure; without it, by what the failure is
 */
export function errorDetails(
  failure: unknown,
  componentSignature: ComponentSignature,
  errCode = errorCode(failure),
): ErrorList {
  const errors: ErrorList = [{ errCode, message: errorMessage(failure), componentSignature, error: failure }];
  let cause = failure instanceof Error ? failure.cause : undefined;
  while (cause !== undefined && cause !== null && errors.length <= MAX_CAUSES) {
    errors.push({
      errCode: errorCode(cause),
      message: errorMessage(cause),
      componentSignature,
      error: cause,
    });
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return errors;
}

/** The code of an error that `ws` emitted for a connection. */
export function protocolErrorCode(error: Error & { code?: string }): number {
  // A Blob that can not be read, and the like, is no fault of the client's.
  if (!error.code?.startsWith('WS_ERR_')) return CloseCode.INTERNAL_ERROR;
  return PROTOCOL_ERROR_CODES[error.code] ?? CloseCode.PROTOCOL_ERROR;
}

function errorCode(failure: unknown): number {
  if (failure instanceof HttpException) return failure.getStatus();
  if (failure instanceof MessageDecodeError) return failure.errCode;
  return CloseCode.INTERNAL_ERROR;
}

function errorMessage(failure: unknown): string {
  if (failure instanceof Error) return failure.message;
  try {
    return String(failure);
  } catch {
    return 'a value without a string form was thrown';
  }
}
