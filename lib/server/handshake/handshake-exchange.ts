import type { HandshakeRequest } from '../../interfaces/index.js';
import { HandshakeResponse } from './handshake-response.js';

/** A handshake's request, and the response that guards and their like may write headers to. */
export class HandshakeExchange {
  #response: HandshakeResponse | undefined;

  constructor(readonly request: HandshakeRequest) {}

  /** Made when it is first asked for: plain handlers never do. */
  get response(): HandshakeResponse {
    if (this.#response === undefined) {
      this.#response = new HandshakeResponse(this.request.raw);
      dressRequest(this.request);
    }
    return this.#response;
  }

  /** The response, if anybody asked for it. */
  get usedResponse(): HandshakeResponse | undefined {
    return this.#response;
  }
}

/** Gives Node's request what guards and middleware written for Express or Fastify read from theirs. */
function dressRequest(request: HandshakeRequest): void {
  const { raw, query, params, remoteAddress, url } = request;
  const known = raw as unknown as Record<string, unknown>;
  known.query ??= query;
  known.params ??= params;
  known.ip ??= remoteAddress;
  known.originalUrl ??= url;
  if (!('data' in raw)) Object.defineProperty(raw, 'data', { get: () => request.data, configurable: true });
}
