import { AsyncResource } from 'node:async_hooks';
import type { ExecutionContext, NestInterceptor } from '@nestjs/common';
import { defer, from, lastValueFrom, mergeMap, type Observable } from 'rxjs';
import { isPromise } from '../../foundation/promise.js';
import { quietly } from '../../server/replies/quiet-observable.js';

type Intercepted = Observable<unknown> | Promise<Observable<unknown>>;

/**
 * Puts interceptors around a call, as Nest does. It is done here since Nest's own hides whether the values are those of a
 * stream, which the next message does not wait for, or of a single result, which it does (reference 6.1).
 *
 * @param call makes the call; its result as an Observable
 */
export function intercept(
  interceptors: readonly NestInterceptor[],
  context: ExecutionContext,
  call: () => Observable<unknown>,
): Observable<unknown> {
  const step = (index: number): Intercepted =>
    index === interceptors.length
      ? call()
      : interceptors[index]!.intercept(context, { handle: () => deferInScope(() => step(index + 1)) });
  return defer(() => flatten(step(0)));
}

/** What an interceptor does around `handle()`, such as running it in an `AsyncLocalStorage`, holds for what is inside. */
function deferInScope(next: () => Intercepted): Observable<unknown> {
  const scope = new AsyncResource('Interceptor');
  return defer(() => scope.runInAsyncScope(() => flatten(next())));
}

function flatten(intercepted: Intercepted): Observable<unknown> {
  // Behind an operator of ours, a teardown that fails would be thrown at whoever ends the stream.
  return isPromise(intercepted) ? from(intercepted).pipe(mergeMap((values) => quietly(values))) : intercepted;
}

/** The last value of a stream of the application's. */
export function lastOf(values: Observable<unknown>): Promise<unknown> {
  return lastValueFrom(quietly(values), { defaultValue: undefined });
}
