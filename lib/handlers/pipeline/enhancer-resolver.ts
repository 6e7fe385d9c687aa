import {
  Injectable,
  type CanActivate,
  type ExceptionFilter,
  type NestInterceptor,
  type PipeTransform,
  type Type,
} from '@nestjs/common';
import { ApplicationConfig, type ContextId } from '@nestjs/core';
import { InvalidHandlerError } from '../../errors/invalid-handler.error.js';
import { isMadeByNest, type ProviderWrapper } from '../provider-explorer.js';
import { metadataOf, type HandlerMethod } from './handler-method.js';
import { ENHANCERS } from './nest-metadata.js';

type EnhancerKind = keyof typeof ENHANCERS;

/**
 * Finds the instances of the enhancers that apply to a method: global ones, its class's, its own (reference 11). None is
 * ever skipped: one that Nest has no instance of is an error.
 */
@Injectable()
export class EnhancerResolver {
  constructor(private readonly config: ApplicationConfig) {}

  /** Whether decorators of the class or the method itself ask for guards or interceptors. */
  hasOwn(handlerMethod: HandlerMethod): boolean {
    return (['guards', 'interceptors'] as const).some(
      (kind) => metadataOf(ENHANCERS[kind], handlerMethod).length > 0,
    );
  }

  /** The guards of a method, in the order in which they are asked. */
  guards(handlerMethod: HandlerMethod): CanActivate[] {
    const { config } = this;
    return this.#all(handlerMethod, 'guards', config.getGlobalGuards(), config.getGlobalRequestGuards());
  }

  /** The interceptors of a method, the outermost first. */
  interceptors(handlerMethod: HandlerMethod): NestInterceptor[] {
    const { config } = this;
    const scoped = config.getGlobalRequestInterceptors();
    return this.#all(handlerMethod, 'interceptors', config.getGlobalInterceptors(), scoped);
  }

  /** The pipes of a method, in the order in which they run. */
  pipes(handlerMethod: HandlerMethod): PipeTransform[] {
    const { config } = this;
    return this.#all(handlerMethod, 'pipes', config.getGlobalPipes(), config.getGlobalRequestPipes());
  }

  /** The exception filters of a method, the method's own first. Global ones are written for HTTP: they see handshakes only. */
  filters(handlerMethod: HandlerMethod): ExceptionFilter[] {
    const { config } = this;
    const isHandshake = handlerMethod.contextType === 'http';
    const global = isHandshake ? config.getGlobalFilters() : [];
    const scoped = isHandshake ? config.getGlobalRequestFilters() : [];
    return this.#all<ExceptionFilter>(handlerMethod, 'filters', global, scoped).toReversed();
  }

  /**
   * The instances of enhancers that a decorator names by their classes, or gives as they are.
   *
   * @throws {InvalidHandlerError} for a class that Nest has no instance of
   */
  resolve<T extends object>(enhancers: readonly (T | Type<T>)[], handlerMethod: HandlerMethod): T[] {
    return enhancers.map((enhancer) =>
      typeof enhancer === 'function' ? this.#instanceOf<T>(enhancer, handlerMethod) : enhancer,
    );
  }

  #all<T extends object>(
    handlerMethod: HandlerMethod,
    kind: EnhancerKind,
    global: readonly T[],
    scoped: readonly ProviderWrapper[],
  ): T[] {
    const own = this.resolve<T>(metadataOf(ENHANCERS[kind], handlerMethod), handlerMethod);
    // Global enhancers are for providers, not for objects that Nest knows nothing of.
    if (handlerMethod.wrapper === undefined) return own;
    return [...global, ...scoped.map((wrapper) => this.#instance<T>(wrapper, handlerMethod)), ...own];
  }

  #instanceOf<T extends object>(type: Type<T>, handlerMethod: HandlerMethod): T {
    const { wrapper } = handlerMethod;
    // What a class is decorated with is injectable in its module; a factory's product is decorated where Nest doesn't look.
    const injectable = wrapper?.host?.injectables.get(type) ?? wrapper?.host?.providers.get(type);
    if (injectable !== undefined) return this.#instance<T>(injectable, handlerMethod);
    const { name } = handlerMethod.type;
    const remedy =
      wrapper === undefined
        ? `add ${name} to the providers of a module, and give the class itself in the place of the object`
        : isMadeByNest(wrapper)
          ? `add ${name} to the providers of a module`
          : `${name} is provided with useFactory or useValue: add ${type.name} to the providers of its module too`;
    throw new InvalidHandlerError(
      name,
      `Nest has no instance of ${type.name}; ${remedy}, or give the decorator an instance: new ${type.name}()`,
    );
  }

  #instance<T>(injectable: ProviderWrapper, { type, wrapper, contextId }: HandlerMethod): T {
    if (contextId === undefined && !injectable.isDependencyTreeStatic()) {
      throw new InvalidHandlerError(
        type.name,
        `${injectable.name} is request-scoped, and ${type.name} is not made for a request, since it is provided with ` +
          'useFactory or useValue; provide the class itself',
      );
    }
    return instanceIn(injectable, contextId, wrapper?.id) as T;
  }
}

function instanceIn(
  injectable: ProviderWrapper,
  contextId: ContextId | undefined,
  inquirerId: string | undefined,
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
