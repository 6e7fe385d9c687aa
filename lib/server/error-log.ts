import { HttpException, Logger } from '@nestjs/common';
import { isInstance } from '../foundation/instance.js';
import { errorStack } from '../errors/error-details.js';
import type { WSError } from '../interfaces/index.js';

const logger = new Logger('WebSocketServer');

/** How long clients' errors are counted before the log hears of them again, in milliseconds. */
const INTERVAL = 1000;

/**
 * Where the errors of a server go that no `onError` hears (reference 12.2). What clients cause is logged once a second, with how
 * often it happened, and without a stack: a hostile client must not fill the log.
 */
export class ErrorLog {
  #timer: NodeJS.Timeout | undefined;
  #suppressed = 0;
  #last = '';

  /** @param name the handler, for people */
  write(name: string, errors: readonly WSError[]): void {
    try {
      if (isCausedByClient(errors[0]!)) this.#writeClientError(lineOf(name, errors[0]!));
      else for (const error of errors) logger.error(lineOf(name, error), errorStack(error.error));
    } catch {
      // The application's own logger failed: there is nobody left to tell.
    }
  }

  /** Writes what was counted; nothing comes after it. */
  close(): void {
    clearTimeout(this.#timer);
    try {
      this.#writeSuppressed();
    } catch {
      // As in write().
    }
  }

  #writeClientError(line: string): void {
    if (this.#timer !== undefined) {
      this.#suppressed++;
      this.#last = line;
      return;
    }
    logger.warn(line);
    this.#wait();
  }

  #wait(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      try {
        if (this.#writeSuppressed()) this.#wait();
      } catch {
        // As in write().
      }
    }, INTERVAL).unref();
  }

  #writeSuppressed(): boolean {
    if (this.#suppressed === 0) return false;
    const more =
      this.#suppressed === 1
        ? ''
        : `; ${this.#suppressed} errors of clients in the last second, this the last`;
    this.#suppressed = 0;
    logger.warn(this.#last + more);
    return true;
  }
}

function lineOf(name: string, { message, componentSignature, errCode }: WSError): string {
  return `${name}: ${message} (${componentSignature} ${errCode})`;
}

/** Whether a client, and no code of the application, is the reason. */
function isCausedByClient({ componentSignature, error, errCode }: WSError): boolean {
  if (componentSignature === 'wsck' || componentSignature === 'json') return true;
  // Nest's WsException has no status: it tells a client what it did wrong.
  return isInstance(error, HttpException) ? errCode < 500 : (error as Error | null)?.name === 'WsException';
}
