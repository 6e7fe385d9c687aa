import { Injectable, type ExceptionFilter, type PipeTransform, type Type } from '@nestjs/common';
import { ApplicationConfig, type ContextId } from '@nestjs/core';
import { InvalidHandlerError } from '../../errors/invalid-handler.error.js';
import type { ProviderWrapper } from '../provider-explorer.js';
import { ENHANCERS } from './nest-metadata.js';
import { metadataOf, type HandlerMethod } from './handler-method.js';

/** Finds the instances of the enhancers that apply to a method: global ones, its class's, its own. */
@Injectable()
export class EnhancerResolver {
  constructor(private readonly config: ApplicationConfig) {}

  /** Whether guards or interceptors of a method or its class apply. */
  hasOwn(handlerMethod: HandlerMethod): boolean {
    return [ENHANCERS.guards, ENHANCERS.interceptors].some(
      (key) => metadataOf(key, handlerMethod).length > 0,
    );
  }

  /** Whether guards or interceptors of any kind apply to a method. */
  hasGuardsOrInterceptors(handlerMethod: HandlerMethod): boolean {
    const { config } = this;
    return (
      this.hasOwn(handlerMethod) ||
      config.getGlobalGuards().length > 0 ||
      config.getGlobalInterceptors().length > 0 ||
      config.getGlobalRequestGuards().length > 0 ||
      config.getGlobalRequestInterceptors().length > 0
    );
  }

  /** The pipes of a method, in the order in which they run. */
  pipes(handlerMethod: HandlerMethod): PipeTransform[] {
    return [
      ...this.config.getGlobalPipes(),
      ...this.#scoped<PipeTransform>(this.config.getGlobalRequestPipes(), handlerMethod),
      ...this.resolve<PipeTransform>(metadataOf(ENHANCERS.pipes, handlerMethod), handlerMethod),
    ];
  }

  /** The exception filters of a method, the method's own first. */
  filters(handlerMethod: HandlerMethod): ExceptionFilter[] {
    return [
      ...this.config.getGlobalFilters(),
      ...this.#scoped<ExceptionFilter>(this.config.getGlobalRequestFilters(), handlerMethod),
      ...this.resolve<ExceptionFilter>(metadataOf(ENHANCERS.filters, handlerMethod), handlerMethod),
    ].toReversed();
  }

  /**
   * The instances of enhancers that a decorator names by their classes, or gives as they are.
   *
   * @throws {InvalidHandlerError} for a class that Nest did not make, because the handler is no provider of a module
   */
  resolve<T extends object>(
    enhancers: readonly (T | Type<T>)[],
    { type, wrapper, contextId }: HandlerMethod,
  ): T[] {
    return enhancers.map((enhancer) => {
      if (typeof enhancer !== 'function') return enhancer;
      const injectable = wrapper?.host?.injectables.get(enhancer);
      const instance = injectable && (instanceOf(injectable, contextId, wrapper?.id) as T | undefined);
      if (instance === undefined) {
        throw new InvalidHandlerError(
          type.name,
          `Nest has no instance of ${enhancer.name}; add ${type.name} to the providers of a module`,
        );
      }
      return instance;
    });
  }

  #scoped<T>(wrappers: readonly ProviderWrapper[], { contextId, wrapper }: HandlerMethod): T[] {
    return wrappers
      .map((scoped) => instanceOf(scoped, contextId, wrapper?.id) as T | undefined)
      .filter((instance) => instance !== undefined);
  }
}

function instanceOf(
  injectable: ProviderWrapper,
  contextId: ContextId | undefined,
  inquirerId?: string,
): unknown {
  if (contextId !== undefined && !injectable.isDependencyTreeStatic()) {
    return injectable.getInstanceByContextId(contextId, inquirerId).instance as unknown;
  }
  if (injectable.isTransient) {
    return injectable.getStaticTransientInstances().find((made) => made?.instance !== undefined)
      ?.instance as unknown;
  }
  return injectable.instance as unknown;
}
