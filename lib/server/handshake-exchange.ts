import type { HandshakeRequest } from '../interfaces/index.js';
import { HandshakeResponse } from './handshake-response.js';

/** A handshake's request, and the response that guards and their like may write headers to. */
export class HandshakeExchange {
  #response: HandshakeResponse | undefined;

  constructor(readonly request: HandshakeRequest) {}

  /** Made when it is first asked for: plain handlers never do. */
  get response(): HandshakeResponse {
    this.#response ??= new HandshakeResponse(this.request.raw);
    return this.#response;
  }

  /** The response, if anybody asked for it. */
  get usedResponse(): HandshakeResponse | undefined {
    return this.#response;
  }
}
