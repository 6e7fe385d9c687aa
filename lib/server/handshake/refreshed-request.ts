import { IncomingMessage } from 'node:http';
import type { HandshakeRequest } from '../../interfaces/index.js';
import { LazyHandshakeRequest } from './handshake-request.js';

/**
 * The request of a handshake with another token (reference 19.5): a new one, so that nothing that was once written to it, or to its
 * `data`, vouches for the client.
 */
export function refreshedRequest(earlier: HandshakeRequest, token: string): LazyHandshakeRequest {
  const { params, remoteAddress } = earlier;
  return new LazyHandshakeRequest(withToken(earlier.raw, `Bearer ${token}`), params, remoteAddress);
}

function withToken(earlier: IncomingMessage, authorization: string): IncomingMessage {
  const request = new IncomingMessage(earlier.socket);
  const { method, url, httpVersion, httpVersionMajor, httpVersionMinor, rawHeaders } = earlier;
  Object.assign(request, { method, url, httpVersion, httpVersionMajor, httpVersionMinor, complete: true });
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]!.toLowerCase() === 'authorization') continue;
    request.rawHeaders.push(rawHeaders[index]!, rawHeaders[index + 1]!);
  }
  request.rawHeaders.push('Authorization', authorization);
  request.headers = { ...earlier.headers, authorization };
  request.headersDistinct = { ...earlier.headersDistinct, authorization: [authorization] };
  return request;
}
