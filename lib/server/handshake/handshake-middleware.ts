import type { IncomingMessage } from 'node:http';
import { HttpException } from '@nestjs/common';
import type { HandshakeMiddleware } from '../../interfaces/index.js';
import type { HandshakeResponse } from './handshake-response.js';
import { isPromise } from '../../foundation/promise.js';
import { httpError } from './refusal.js';

/**
 * Runs Connect-style middleware on an upgrade request.
 *
 * @returns a promise that resolves when all have called `next`, or when one has answered the request; it rejects with
 * what one of them throws or gives to `next`
 */
export async function runMiddleware(
  middleware: readonly HandshakeMiddleware[],
  request: IncomingMessage,
  response: HandshakeResponse,
): Promise<void> {
  for (const use of middleware) {
    await new Promise<void>((resolve, reject) => {
      response.onAnswered = resolve;
      const next = (error?: unknown): void => {
        if (error === undefined || error === null) resolve();
        else reject(asHttpException(error));
      };
      const failed = (error: unknown): void => reject(asHttpException(error));
      try {
        // Connect's own type returns nothing; many a middleware is an async function all the same.
        const result: unknown = use(request, response, next);
        if (isPromise(result)) result.then(undefined, failed);
      } catch (error) {
        failed(error);
      }
    });
    if (response.answered) return;
  }
}

/** Errors of the Connect world carry a status, and tell whether their message is for the client. */
function asHttpException(error: unknown): unknown {
  try {
    return withStatus(error);
  } catch {
    // An error that can't be asked for its status.
    return error;
  }
}

function withStatus(error: unknown): unknown {
  if (error instanceof HttpException || !(error instanceof Error)) return error;
  const { status, expose } = error as Error & { status?: unknown; expose?: unknown };
  if (typeof status !== 'number' || status < 400 || status > 499 || expose === false) return error;
  return httpError(status, error.message);
}
