import { STATUS_CODES, type IncomingHttpHeaders } from 'node:http';

/** `connect` was refused: the server answered the handshake with an HTTP response (reference 20.2). */
export class HandshakeRefusedError extends Error {
  override readonly name = 'HandshakeRefusedError';

  constructor(
    /** The path that was asked for. */
    readonly path: string,
    /** The HTTP status, such as 403. */
    readonly status: number,
    /** The response's headers; their names are in lower case. */
    readonly headers: IncomingHttpHeaders,
    /** The response's body: parsed if it is JSON, else a string. */
    readonly body: unknown,
  ) {
    super(`${path} was refused with HTTP ${status} ${STATUS_CODES[status] ?? ''}: ${JSON.stringify(body)}`);
  }
}
