/** The longest time that a timer takes. */
const MAX_TIMEOUT = 2 ** 31 - 1;

/** @throws {RangeError} for what a timer does not take */
export function checkTimeout(where: string, timeout: number): void {
  if (Number.isInteger(timeout) && timeout > 0 && timeout <= MAX_TIMEOUT) return;
  throw new RangeError(
    `${where}: "timeout" must be a whole number from 1 to ${MAX_TIMEOUT}, got ${String(timeout)}`,
  );
}

/** What is awaited, but no longer than that; rejects with a TimeoutError otherwise. */
export function within<T>(timeout: number, what: string, awaited: PromiseLike<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new DOMException(`${what} took longer than ${timeout} ms`, 'TimeoutError')),
      timeout,
    );
    void Promise.resolve(awaited)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}
