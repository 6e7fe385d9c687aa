import { checkNames } from '../errors/check-names.js';
import { InvalidOptionError } from '../errors/invalid-option.error.js';

/** The longest time that a timer takes, in milliseconds. */
export const MAX_TIMEOUT = 2 ** 31 - 1;
export const MAX_BYTES = 2 ** 31 - 1;

/** The names of an interface, each of them once: the compiler misses none. */
export function namesOf<T>(names: Record<keyof Required<T>, true>): ReadonlySet<string> {
  return new Set(Object.keys(names));
}

/** Checks the options of one owner; its errors name the owner, the option and the value. */
export class OptionCheck {
  constructor(private readonly owner: string) {}

  error(option: string, value: unknown, expected: string): InvalidOptionError {
    return new InvalidOptionError(this.owner, option, value, expected);
  }

  /** @throws {InvalidOptionError} for what is no object of options */
  object(option: string, value: unknown): void {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
    throw this.error(option, value, 'an object');
  }

  /** @throws {InvalidOptionError} for a name that is none of an option, such as a misspelt one */
  names(options: object, names: ReadonlySet<string>, prefix = ''): void {
    checkNames(options, this.owner, names, { prefix });
  }

  integer(option: string, value: unknown, least: number, most: number): number {
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    throw this.error(option, value, `an integer from ${least} to ${most}`);
  }
}
