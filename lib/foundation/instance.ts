/** Whether a value is of a class; of a value that can't be asked (a revoked Proxy) it is not, and nothing is thrown. */
export function isInstance<T>(value: unknown, type: abstract new (...args: never[]) => T): value is T {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}
