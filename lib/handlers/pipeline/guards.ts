import { ForbiddenException, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { isObservable } from 'rxjs';
import { lastOf } from './interceptors.js';

type GuardResult = ReturnType<CanActivate['canActivate']>;

/**
 * Asks guards, one after the other, as Nest does. It is done here since a guard that Nest can't find must be an error, not
 * skipped, and since guards that answer at once need no promise.
 *
 * @returns nothing if all have said yes, or a promise of that
 * @throws {ForbiddenException} if one says no; the promise rejects with it
 */
export function activate(
  guards: readonly CanActivate[],
  context: ExecutionContext,
): Promise<void> | undefined {
  for (let index = 0; index < guards.length; index++) {
    const result = guards[index]!.canActivate(context);
    if (typeof result !== 'boolean') return activateFrom(index, result, guards, context);
    if (!result) throw forbidden();
  }
  return undefined;
}

async function activateFrom(
  first: number,
  result: GuardResult,
  guards: readonly CanActivate[],
  context: ExecutionContext,
): Promise<void> {
  if (!(await answerOf(result))) throw forbidden();
  for (const guard of guards.slice(first + 1)) {
    if (!(await answerOf(guard.canActivate(context)))) throw forbidden();
  }
}

async function answerOf(result: GuardResult): Promise<boolean> {
  const answer = await result;
  return isObservable(answer) ? ((await lastOf(answer)) as boolean) : answer;
}

function forbidden(): ForbiddenException {
  return new ForbiddenException('Forbidden resource');
}
