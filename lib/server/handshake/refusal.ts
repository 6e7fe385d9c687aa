import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { HttpException } from '@nestjs/common';

/** An HTTP error in the shape that Nest gives its own (reference 10.1). */
export function httpError(status: number, message: string): HttpException {
  return new HttpException({ statusCode: status, message, error: STATUS_CODES[status] }, status);
}

/** A refusal, ready to be sent. */
export interface Refusal {
  readonly status: number;
  readonly body: Buffer;
  /** Why, for people: what a close frame can say. */
  readonly reason: string;
  readonly headers: readonly string[];
  /** Why the exception's own body could not be sent, if it could not. */
  readonly failure?: unknown;
}

/**
 * What a client is told of an HTTP error: its status and its JSON body (reference 10.1).
 *
 * @param headers further header lines
 */
export function refusalOf(error: HttpException, headers: readonly string[] = []): Refusal {
  try {
    return describe(error, headers);
  } catch (failure) {
    // An exception whose own methods fail.
    return { ...describe(httpError(500, 'Internal server error'), headers), failure };
  }
}

function describe(error: HttpException, headers: readonly string[]): Refusal {
  const status = refusalStatus(error.getStatus());
  const answer = error.getResponse();
  const body = typeof answer === 'string' ? { statusCode: status, message: answer } : answer;
  const lines = [
    'Content-Type: application/json; charset=utf-8',
    ...headers.filter((line) => !/^content-type:/i.test(line)),
  ];
  const reason = reasonOf(error, body);
  try {
    return { status, body: Buffer.from(JSON.stringify(body)), reason, headers: lines };
  } catch (failure) {
    const plain = { statusCode: status, message: reason, error: STATUS_CODES[status] };
    return { status, body: Buffer.from(JSON.stringify(plain)), reason, headers: lines, failure };
  }
}

/** Refuses an upgrade request: answers it, and closes the socket. */
export function refuse(socket: Duplex, { status, body, headers }: Refusal): void {
  if (socket.destroyed) return;
  socket.on('error', () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    ...headers,
    'Connection: close',
    `Content-Length: ${body.length}`,
    '\r\n',
  ].join('\r\n');
  socket.end(Buffer.concat([Buffer.from(head, 'latin1'), body]));
}

/** Refuses an upgrade request with an error. */
export function refuseWith(socket: Duplex, error: HttpException, headers?: readonly string[]): void {
  refuse(socket, refusalOf(error, headers));
}

/** Only a final status that is no success refuses: a 101 would let the client in. */
export function refusalStatus(status: number): number {
  return Number.isInteger(status) && status >= 300 && status <= 599 ? status : 500;
}

function reasonOf({ message }: HttpException, body: object | null | undefined): string {
  const { message: detail } = (body ?? {}) as { message?: unknown };
  const reason = Array.isArray(detail)
    ? detail.filter((each) => typeof each === 'string').join(', ')
    : detail;
  return typeof reason === 'string' ? reason : typeof message === 'string' ? message : '';
}
