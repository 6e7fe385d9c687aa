/** Whether a value is an object, and not null. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** A value for an error message: of an object or a function its type, anything else as it is. */
export function describe(value: unknown): string {
  return isObject(value) || typeof value === 'function' ? typeof value : String(value);
}
