import { inspect } from 'node:util';

/** An option is out of range or of the wrong type. Thrown at start-up (reference 1.6). */
export class InvalidOptionError extends Error {
  override readonly name = 'InvalidOptionError';

  constructor(
    /** Whose option it is: a class, or `FourDWebSocketModule.forRoot()`. */
    readonly owner: string,
    /** The name of the option. */
    readonly option: string,
    /** The value it has. */
    readonly value: unknown,
    expected: string,
  ) {
    super(`${owner}: the option "${option}" must be ${expected}, got ${inspect(value, { depth: 1 })}`);
  }
}
