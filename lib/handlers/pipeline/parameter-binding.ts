import type { ArgumentMetadata, ExecutionContext, PipeTransform, Type } from '@nestjs/common';
import { isPromise } from '../../foundation/promise.js';
import type { EnhancerResolver } from './enhancer-resolver.js';
import { PARAMETERS } from './nest-metadata.js';
import { functionOf, type HandlerMethod } from './handler-method.js';
import { HandlerExecutionContext } from './handler-execution-context.js';

/** Gives the value of a decorated parameter. */
export interface ParameterValues {
  /** Whether pipes of the method, its class and the application apply, beside the parameter's own. */
  readonly piped: ReadonlySet<number>;
  /** What pipes are told that the value is. */
  readonly kind: (type: number) => ArgumentMetadata['type'];
  /**
   * @param type the number of Nest's decorator
   * @param data what the decorator was given, mostly the name of a property
   */
  value(type: number, data: unknown, args: readonly unknown[]): unknown;
}

/** How Nest keeps one decorated parameter. */
interface ParameterMetadata {
  index: number;
  data?: unknown;
  pipes?: (PipeTransform | Type<PipeTransform> | undefined)[];
  schema?: unknown;
  factory?: (data: unknown, context: ExecutionContext) => unknown;
}

/** Fills the parameters of a call, where those without a decorator are already; nothing when it is done, or a promise. */
export type ParameterBinding = (
  parameters: unknown[],
  args: readonly unknown[],
) => Promise<unknown> | undefined;

/** Whether any parameter of a method has a decorator. */
export function hasBoundParameters({ type, method }: HandlerMethod): boolean {
  return Reflect.hasMetadata(PARAMETERS, type, method);
}

/**
 * Binds the decorated parameters of a method, with their pipes.
 *
 * @throws {InvalidHandlerError} for a pipe that Nest has no instance of
 */
export function bindParameters(
  handlerMethod: HandlerMethod,
  values: ParameterValues,
  enhancers: EnhancerResolver,
): ParameterBinding {
  const { type, method } = handlerMethod;
  const metadata = Reflect.getMetadata(PARAMETERS, type, method) as Record<string, ParameterMetadata>;
  const metatypes = Reflect.getMetadata('design:paramtypes', type.prototype as object, method) as
    Type<unknown>[] | undefined;
  const methodPipes = enhancers.pipes(handlerMethod);
  const bindings = Object.entries(metadata).map(([key, parameter]) => {
    const own = (parameter.pipes ?? []).filter((pipe) => pipe !== undefined && pipe !== null);
    const ownPipes = enhancers.resolve<PipeTransform>(own, handlerMethod);
    const number = Number.parseInt(key, 10);
    const piped = parameter.factory !== undefined || values.piped.has(number);
    return {
      ...parameter,
      number,
      pipes: piped ? [...methodPipes, ...ownPipes] : ownPipes,
      metadata: {
        type: parameter.factory === undefined ? values.kind(number) : 'custom',
        metatype: metatypes?.[parameter.index],
        data: parameter.data,
        schema: parameter.schema,
      } as ArgumentMetadata,
    };
  });

  const context = (args: readonly unknown[]): ExecutionContext =>
    new HandlerExecutionContext(handlerMethod.contextType, type, functionOf(handlerMethod), args);
  const bind = (
    { index, number, factory, data, pipes, metadata: pipeMetadata }: (typeof bindings)[number],
    parameters: unknown[],
    args: readonly unknown[],
  ): Promise<void> | undefined => {
    const set = (value: unknown): void => {
      parameters[index] = value;
    };
    const value: unknown =
      factory === undefined ? values.value(number, data, args) : factory(data, context(args));
    const piped = pipe(value, pipes, 0, pipeMetadata);
    if (isPromise(piped)) return Promise.resolve(piped).then(set);
    set(piped);
    return undefined;
  };
  const [only] = bindings;
  if (bindings.length === 1) return (parameters, args) => bind(only!, parameters, args);
  return (parameters, args) => {
    const pending: Promise<void>[] = [];
    for (const binding of bindings) {
      try {
        const bound = bind(binding, parameters, args);
        if (bound !== undefined) pending.push(bound);
      } catch (error) {
        // With those before it, so that none of them is left to reject unheard.
        pending.push(Promise.reject(error));
      }
    }
    return pending.length === 0 ? undefined : Promise.all(pending);
  };
}

/** Sends a value through pipes, from the one at `first` on. A promise is waited for; without one it costs no turn of the queue. */
function pipe(
  value: unknown,
  pipes: readonly PipeTransform[],
  first: number,
  metadata: ArgumentMetadata,
): unknown {
  let current = value;
  for (let index = first; index < pipes.length; index++) {
    if (isPromise(current)) {
      const rest = index;
      return Promise.resolve(current).then((settled) => pipe(settled, pipes, rest, metadata));
    }
    current = pipes[index]!.transform(current, metadata) as unknown;
  }
  return current;
}
