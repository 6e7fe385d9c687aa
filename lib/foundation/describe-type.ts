/** The type of a value, for an error message: "null", "a number", "an Array", "a Foo". */
export function describeType(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== 'object') return `a ${typeof value}`;
  const name = value.constructor?.name || 'object';
  return /^[AEIOU]/i.test(name) ? `an ${name}` : `a ${name}`;
}
