/**
 * A backplane can't do its work: at start-up its broker can't be reached or refuses, later it is away, or does not remember
 * what it should (reference 14.3, 16.2). The `cause` is the error of the broker's client.
 */
export class BackplaneError extends Error {
  override readonly name = 'BackplaneError';

  constructor(
    /** The class of the backplane. */
    readonly backplane: string,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(`${backplane}: ${problem}`, options);
  }
}
