import { isText } from '../protocol/frame.js';
import { describe } from './describe.js';

/** What a value must be, and what it is if nothing is said. */
export type Rule = readonly [fallback: unknown, allows: (value: unknown) => boolean, expected: string];

/** Rules by name; one that is an object of options itself has rules for these. */
export interface Rules {
  readonly [name: string]: Rule | Rules;
}

export const callable: Rule = [undefined, (value) => typeof value === 'function', 'a function'];

export const BOOLEAN: Rule = [true, (value) => typeof value === 'boolean', 'a boolean'];

export const TEXT: Rule = ['', isText, 'a string'];

/** A whole number, or the greatest itself. */
export const whole = (fallback: number, least: number, most: number): Rule => [
  fallback,
  (value) =>
    (Number.isInteger(value) || value === most) && (value as number) >= least && (value as number) <= most,
  `a whole number from ${least} to ${most}`,
];

/**
 * Checks what an application gave.
 *
 * @throws {RangeError} for a number out of range
 * @throws {TypeError} for anything else that the rule does not allow
 */
export function check([, allows, expected]: Rule, name: string, value: unknown): void {
  if (allows(value)) return;
  const TheError = typeof value === 'number' && expected.includes('whole') ? RangeError : TypeError;
  // Not the value of a token: it may be a secret.
  const found = name.startsWith('token') ? typeof value : describe(value);
  throw new TheError(`FourDWebSocket: "${name}" must be ${expected}, got ${found}`);
}
