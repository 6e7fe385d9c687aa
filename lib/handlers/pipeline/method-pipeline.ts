import { Injectable } from '@nestjs/common';
import { ExternalContextCreator } from '@nestjs/core';
import { InvalidHandlerError } from '../../errors/invalid-handler.error.js';
import { EnhancerResolver } from './enhancer-resolver.js';
import { ExceptionFilters } from './exception-filters.js';
import { functionOf, type HandlerMethod } from './handler-method.js';
import { bindParameters, hasBoundParameters, type ParameterValues } from './parameter-binding.js';

/** A method with its guards, interceptors and pipes around it; called with what the execution context shows of a call. */
export type Pipeline = (...args: unknown[]) => Promise<unknown>;

/** How a pipeline calls its method. */
export interface PipelineTarget {
  /** The values of decorated parameters. */
  readonly values: ParameterValues;
  /** The parameters of the method without any decorator. */
  parameters(args: readonly unknown[]): unknown[];
  /** Whose method is called. */
  handler(args: readonly unknown[]): object;
  /** Hears of what the method returned, before any interceptor does. */
  returned?(result: unknown, args: readonly unknown[]): unknown;
}

/** Puts methods into Nest's enhancers (SPEC 11). */
@Injectable()
export class MethodPipelines {
  readonly #contexts: ExternalContextCreator;

  constructor(
    contexts: ExternalContextCreator,
    private readonly enhancers: EnhancerResolver,
  ) {
    // Nest's own would wait for the end of an Observable and give its last value; here each value is sent.
    this.#contexts = Object.create(contexts, {
      transformToResult: { value: (result: unknown) => Promise.resolve(result) },
    }) as ExternalContextCreator;
  }

  /** Whether a method has anything around it; one that has not is called directly (SPEC 11.3). */
  needed(handlerMethod: HandlerMethod): boolean {
    return hasBoundParameters(handlerMethod) || this.enhancers.hasGuardsOrInterceptors(handlerMethod);
  }

  /** Whether decorators of the class or method itself ask for enhancers. */
  hasOwnEnhancers(handlerMethod: HandlerMethod): boolean {
    return hasBoundParameters(handlerMethod) || this.enhancers.hasOwn(handlerMethod);
  }

  /** The exception filters of a method. */
  filters(handlerMethod: HandlerMethod): ExceptionFilters {
    return new ExceptionFilters(this.enhancers.filters(handlerMethod));
  }

  /**
   * The pipeline of a method. One serves all instances of the class: which one a call is for, its arguments tell.
   *
   * @throws {InvalidHandlerError} if the class is no provider of a module, so that Nest knows nothing of its enhancers
   */
  create(handlerMethod: HandlerMethod, target: PipelineTarget): Pipeline {
    const { type, method, wrapper, contextId, contextType } = handlerMethod;
    if (wrapper === undefined) {
      throw new InvalidHandlerError(
        type.name,
        'it has guards, interceptors or decorated parameters, which only a provider of a module can have; ' +
          `add it to the providers, and return the class from onConnection`,
      );
    }
    const bind = hasBoundParameters(handlerMethod)
      ? bindParameters(handlerMethod, target.values, this.enhancers)
      : undefined;
    const callback = async (...args: unknown[]): Promise<unknown> => {
      const parameters = target.parameters(args);
      if (bind !== undefined) await bind(parameters, args);
      const handler = target.handler(args) as Record<typeof method, (...args: unknown[]) => unknown>;
      const result = handler[method]!(...parameters);
      return target.returned === undefined ? result : target.returned(await result, args);
    };
    // What guards and interceptors read from the method (roles, and the like), they find on the callback as well.
    const original = functionOf(handlerMethod);
    Object.setPrototypeOf(callback, original);
    Object.defineProperty(callback, 'name', { value: original.name });
    return this.#contexts.create(
      Object.create(type.prototype as object) as object,
      callback,
      String(method),
      undefined,
      undefined,
      contextId,
      wrapper.id,
      { guards: true, interceptors: true, filters: false },
      contextType,
    );
  }
}
