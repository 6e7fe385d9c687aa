/** The end of a step: nothing if it is over, or a promise, which never rejects, of its end. */
export type Completion = Promise<void> | undefined;

/** Whether a hook's result has to be awaited. */
export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T>;
export function isPromise(value: unknown): value is PromiseLike<unknown>;
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}
