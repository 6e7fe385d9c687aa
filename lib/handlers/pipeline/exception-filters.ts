import type { ArgumentsHost, ExceptionFilter, Type } from '@nestjs/common';
import { isInstance } from '../../foundation/instance.js';
import { CAUGHT_EXCEPTIONS } from './nest-metadata.js';

/** The exception filters of a method. */
export class ExceptionFilters {
  /** @param filters in the order in which they are asked */
  constructor(private readonly filters: readonly ExceptionFilter[]) {}

  get empty(): boolean {
    return this.filters.length === 0;
  }

  /**
   * Gives an exception to the first filter that catches its class.
   *
   * @returns a promise of whether one did; it rejects with what the filter throws
   */
  async handle(exception: unknown, host: ArgumentsHost): Promise<boolean> {
    const filter = this.filters.find((candidate) => catches(candidate, exception));
    if (filter === undefined) return false;
    await (filter.catch(exception, host) as unknown);
    return true;
  }
}

function catches(filter: ExceptionFilter, exception: unknown): boolean {
  const types =
    (Reflect.getMetadata(CAUGHT_EXCEPTIONS, filter.constructor) as Type<unknown>[] | undefined) ?? [];
  return (
    types.length === 0 ||
    types.some((type) => isInstance(exception, type as abstract new (...args: never[]) => unknown))
  );
}
