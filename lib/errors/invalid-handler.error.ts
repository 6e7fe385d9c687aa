/** A handler class can't be served as it is written. Thrown at start-up (reference 1.6); the message names the remedy. */
export class InvalidHandlerError extends Error {
  override readonly name = 'InvalidHandlerError';

  constructor(
    /** The class. */
    readonly handler: string,
    problem: string,
  ) {
    super(`${handler}: ${problem}`);
  }
}
