import type { CanActivate, NestInterceptor } from '@nestjs/common';
import { EMPTY, type Observable } from 'rxjs';
import { isPromise } from '../../foundation/promise.js';
import { InterceptedReply } from '../../server/replies/intercepted-reply.js';
import type { EnhancerResolver } from './enhancer-resolver.js';
import { ExceptionFilters } from './exception-filters.js';
import { activate } from './guards.js';
import { HandlerExecutionContext } from './handler-execution-context.js';
import { functionOf, type HandlerMethod } from './handler-method.js';
import { intercept } from './interceptors.js';
import {
  bindParameters,
  hasBoundParameters,
  type ParameterBinding,
  type ParameterValues,
} from './parameter-binding.js';

/** How a pipeline calls its method. */
export interface PipelineTarget {
  /** The values of decorated parameters. */
  readonly values: ParameterValues;
  /** The parameters of the method without any decorator. */
  parameters(args: readonly unknown[]): unknown[];
  /** Whose method is called. */
  handler(args: readonly unknown[]): object;
}

/**
 * A method with its guards, interceptors, pipes and filters around it (reference 11). One serves all instances of the class:
 * which one a call is for, its arguments tell.
 */
export class MethodPipeline {
  private readonly guards: readonly CanActivate[];
  private readonly interceptors: readonly NestInterceptor[];
  private readonly bind: ParameterBinding | undefined;
  private readonly filters: ExceptionFilters;

  /** @throws {InvalidHandlerError} for an enhancer that Nest has no instance of */
  constructor(
    private readonly handlerMethod: HandlerMethod,
    private readonly target: PipelineTarget,
    enhancers: EnhancerResolver,
  ) {
    this.guards = enhancers.guards(handlerMethod);
    this.interceptors = enhancers.interceptors(handlerMethod);
    this.bind = hasBoundParameters(handlerMethod)
      ? bindParameters(handlerMethod, target.values, enhancers)
      : undefined;
    this.filters = new ExceptionFilters(enhancers.filters(handlerMethod));
  }

  /** Whether nothing is around the method but filters: it may be called directly (reference 11.3). */
  get isPlain(): boolean {
    return this.guards.length === 0 && this.interceptors.length === 0 && this.bind === undefined;
  }

  get hasFilters(): boolean {
    return !this.filters.empty;
  }

  /**
   * Calls the method, if the guards let it.
   *
   * @param args what the execution context shows of the call
   * @returns what the method returned, or with interceptors an {@link InterceptedReply}; or a promise of that
   */
  call(args: readonly unknown[]): unknown {
    // Without guards and interceptors nobody looks at the context.
    if (this.guards.length === 0 && this.interceptors.length === 0) return this.#invoke(args);
    const context = this.#context(args);
    const activated = activate(this.guards, context);
    return activated === undefined
      ? this.#intercepted(args, context)
      : activated.then(() => this.#intercepted(args, context));
  }

  /** Asks the guards alone; throws, or rejects, as {@link call} would. */
  activate(args: readonly unknown[]): Promise<void> | undefined {
    return activate(this.guards, this.#context(args));
  }

  /** Gives a failure of the method to its filters; rejects with what they leave, or fail with. */
  async filter(failure: unknown, args: readonly unknown[]): Promise<void> {
    if (!(await this.filters.handle(failure, this.#context(args)))) throw failure;
  }

  #intercepted(args: readonly unknown[], context: HandlerExecutionContext): unknown {
    if (this.interceptors.length === 0) return this.#invoke(args);
    return new InterceptedReply((reply): Observable<unknown> =>
      intercept(this.interceptors, context, () =>
        // Too late: an interceptor has answered without the handler.
        reply.isOver ? EMPTY : reply.returned(this.#invoke(args)),
      ),
    );
  }

  #invoke(args: readonly unknown[]): unknown {
    const parameters = this.target.parameters(args);
    const bound = this.bind?.(parameters, args);
    return isPromise(bound)
      ? bound.then(() => this.#method(parameters, args))
      : this.#method(parameters, args);
  }

  /** Found by its name at each call, so that a method replaced later (a spy) is the one called. */
  #method(parameters: unknown[], args: readonly unknown[]): unknown {
    const { method } = this.handlerMethod;
    const handler = this.target.handler(args) as Record<typeof method, (...args: unknown[]) => unknown>;
    return handler[method]!(...parameters);
  }

  #context(args: readonly unknown[]): HandlerExecutionContext {
    const { contextType, type } = this.handlerMethod;
    return new HandlerExecutionContext(contextType, type, functionOf(this.handlerMethod), args);
  }
}
