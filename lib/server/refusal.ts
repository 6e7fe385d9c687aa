import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { HttpException } from '@nestjs/common';
import type { HandshakeResponse } from './handshake-response.js';

/** An HTTP error in the shape that Nest gives its own (SPEC 10.1). */
export function httpError(status: number, message: string): HttpException {
  return new HttpException({ statusCode: status, message, error: STATUS_CODES[status] }, status);
}

/**
 * Refuses an upgrade request: answers with the error's status and JSON, and closes the socket.
 *
 * @param headers further header lines
 */
export function refuse(socket: Duplex, error: HttpException, headers: readonly string[] = []): void {
  const answer = error.getResponse();
  const body = typeof answer === 'string' ? { statusCode: error.getStatus(), message: answer } : answer;
  respond(socket, error.getStatus(), Buffer.from(JSON.stringify(body)), [
    'Content-Type: application/json; charset=utf-8',
    ...headers.filter((line) => !/^content-type:/i.test(line)),
  ]);
}

/** Refuses an upgrade request with what a filter or middleware answered. */
export function refuseWith(socket: Duplex, response: HandshakeResponse): void {
  respond(socket, response.statusCode, response.body, response.headerLines(response.statusCode));
}

function respond(socket: Duplex, status: number, body: Buffer, headers: readonly string[]): void {
  if (socket.destroyed) return;
  socket.on('error', () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    ...headers.filter((line) => !/^(connection|content-length|transfer-encoding):/i.test(line)),
    'Connection: close',
    `Content-Length: ${body.length}`,
    '\r\n',
  ].join('\r\n');
  socket.end(Buffer.concat([Buffer.from(head, 'latin1'), body]));
}
