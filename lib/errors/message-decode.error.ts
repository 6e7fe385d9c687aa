import type { ComponentSignature } from '../interfaces/index.js';
import { CloseCode } from './close-code.js';

/** A message that its server's `dataType` can't decode (reference 5.1). */
export class MessageDecodeError extends Error {
  override readonly name = 'MessageDecodeError';
  readonly errCode = CloseCode.INVALID_DATA;

  constructor(
    message: string,
    readonly componentSignature: ComponentSignature,
    /** Whether the connection ends with 1007, or goes on without the message. */
    readonly fatal: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
