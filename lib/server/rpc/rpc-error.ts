import { HttpException } from '@nestjs/common';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { ErrorCode, type ErrorObject } from '../../contract/json-rpc.js';
import { isInstance } from '../../foundation/instance.js';

export const PARSE_ERROR: ErrorObject = { code: ErrorCode.PARSE_ERROR, message: 'Parse error' };
export const INVALID_REQUEST: ErrorObject = { code: ErrorCode.INVALID_REQUEST, message: 'Invalid Request' };
export const METHOD_NOT_FOUND: ErrorObject = {
  code: ErrorCode.METHOD_NOT_FOUND,
  message: 'Method not found',
};
export const CANCELLED: ErrorObject = { code: ErrorCode.CANCELLED, message: 'Cancelled' };

/** What a client is told of a request that does not fit its schema: where, and what the schema says. */
export function invalidParams(issues: readonly StandardSchemaV1.Issue[]): ErrorObject {
  const data = issues.map(({ message, path }) => ({
    message,
    path: path?.map((segment) => (typeof segment === 'object' ? segment.key : segment)),
  }));
  return { code: ErrorCode.INVALID_PARAMS, message: 'Invalid params', data };
}

const INTERNAL_ERROR: ErrorObject = { code: ErrorCode.INTERNAL_ERROR, message: 'Internal error' };

/** What a client is told of a failure: of an exception for clients what it says, of anything else nothing (reference 17.3). */
export function errorObject(failure: unknown): ErrorObject {
  if (!isInstance(failure, HttpException)) return INTERNAL_ERROR;
  try {
    const code = failure.getStatus();
    const response = failure.getResponse();
    const error = {
      code: Number.isInteger(code) ? code : ErrorCode.INTERNAL_ERROR,
      message: String(failure.message),
    };
    return typeof response === 'object' ? { ...error, data: response } : error;
  } catch {
    // An exception whose own methods fail.
    return INTERNAL_ERROR;
  }
}
