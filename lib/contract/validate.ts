import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Schema } from './contract.js';
import { SchemaError } from './errors.js';

/** What a schema made of a value. */
export type Validation = StandardSchemaV1.Result<unknown>;

/**
 * Checks a value, if there is a schema.
 *
 * @returns what the schema made of it, or a promise of that
 */
export function validate(schema: Schema | undefined, value: unknown): Validation | PromiseLike<Validation> {
  return schema ? schema['~standard'].validate(value) : { value: undefined };
}

/**
 * Checks what came in a message's parameters: the only one by position is the data itself, unless only all of them fit.
 *
 * @param params undefined, an object or an array
 */
export function validateParams(schema: Schema, params: unknown): Validation | PromiseLike<Validation> {
  if (!Array.isArray(params) || params.length !== 1) return validate(schema, params);
  return either(validate(schema, params[0]), () => validate(schema, params));
}

/** Checks a result: what has none comes as null. */
export function validateResult(
  schema: Schema | undefined,
  result: unknown,
): Validation | PromiseLike<Validation> {
  const found = validate(schema, result);
  return result === null ? either(found, () => validate(schema, undefined)) : found;
}

function either(
  first: Validation | PromiseLike<Validation>,
  second: () => Validation | PromiseLike<Validation>,
): Validation | PromiseLike<Validation> {
  const decide = (found: Validation): Validation | PromiseLike<Validation> => {
    if (!found.issues) return found;
    const other = second();
    // What is said of the first one is what the sender meant.
    return 'then' in other ? other.then((it) => (it.issues ? found : it)) : other.issues ? found : other;
  };
  return 'then' in first ? first.then(decide) : decide(first);
}

/**
 * Checks what is about to be sent.
 *
 * @param what it is, for the error
 * @throws {SchemaError} for what does not fit
 * @throws {TypeError} for a schema that has to be awaited
 */
export function checkOutgoing(what: string, schema: Schema | undefined, value: unknown): void {
  const found = validate(schema, value);
  if ('then' in found)
    throw new TypeError(`${what}: "validateOutgoing" is for schemas that are not asynchronous`);
  if (found.issues) throw new SchemaError(what, found.issues);
}
