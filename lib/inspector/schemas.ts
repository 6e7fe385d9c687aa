import type { StandardSchemaV1 } from '@standard-schema/spec';

/** A schema of values of a type. */
export interface TypedSchema<T> extends StandardSchemaV1<T> {}

/** Tells of a value whether it is what it has to be. */
type Check<T> = (value: unknown) => value is T;

/** A schema of the one check, for the inspector's own contract: it needs no package for a few shapes. */
export function schema<T>(expected: string, check: Check<T>): TypedSchema<T> {
  return {
    '~standard': {
      version: 1,
      vendor: 'nestjs-4d-websocket',
      validate: (value) => (check(value) ? { value } : { issues: [{ message: `must be ${expected}` }] }),
    },
  };
}

/** What the server says itself is of the type that its code has. */
export function trusted<T>(): TypedSchema<T> {
  return schema('anything', (value): value is T => value !== undefined);
}

/** An object with exactly these members. */
export function object<T extends object>(members: {
  readonly [K in keyof T]-?: Check<T[K]>;
}): TypedSchema<T> {
  const names = Object.keys(members) as (keyof T & string)[];
  return schema(`an object with ${names.join(', ')}`, (value): value is T => {
    if (typeof value !== 'object' || value === null) return false;
    return names.every((name) => members[name]((value as T)[name]));
  });
}

export const isText =
  (most: number): Check<string> =>
  (value): value is string =>
    typeof value === 'string' && value.length <= most;

export const isWhole =
  (least: number, most: number): Check<number> =>
  (value): value is number =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most;

export const isBoolean: Check<boolean> = (value): value is boolean => typeof value === 'boolean';

export const isOneOf =
  <T extends string>(values: readonly T[]): Check<T> =>
  (value): value is T =>
    values.includes(value as T);

export const orUndefined =
  <T>(check: Check<T>): Check<T | undefined> =>
  (value): value is T | undefined =>
    value === undefined || check(value);
