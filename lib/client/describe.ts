/** Whether a value is an object, or a function. */
export const isObject = (value: unknown): value is object => Object(value) === value;

/** A value for an error message: of an object or a function its type, anything else as it is. */
export function describe(value: unknown): string {
  return isObject(value) ? typeof value : String(value);
}
