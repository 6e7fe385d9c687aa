import { Catch, Inject, UseFilters, UseGuards, UseInterceptors, UsePipes } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import { MessageBody } from '@nestjs/websockets';

/**
 * Nest does not export the keys under which its decorators keep their metadata. So a class is decorated here, and the
 * keys are read from it: whatever a version of Nest calls them, these are they.
 */
function keyOf(decorate: (type: new () => object) => void, ...property: string[]): string {
  class Decorated {
    method(): void {}
  }
  decorate(Decorated);
  const keys = Reflect.getMetadataKeys(Decorated, ...(property as [string])) as string[];
  // @Catch() marks the class with a flag as well.
  return keys.find(
    (key) => typeof Reflect.getMetadata(key, Decorated, ...(property as [string])) === 'object',
  )!;
}

/** Where the enhancers of a class or a method are kept. */
export const ENHANCERS = {
  guards: keyOf(UseGuards({ canActivate: () => true })),
  interceptors: keyOf(UseInterceptors({ intercept: (_context, next) => next.handle() })),
  pipes: keyOf(UsePipes({ transform: (value: unknown) => value })),
  filters: keyOf(UseFilters({ catch: () => undefined })),
} as const;

/** Where the exception classes of a filter are kept. */
export const CAUGHT_EXCEPTIONS = keyOf(Catch(Error));

/** Where the injected properties of a class are kept. */
export const INJECTED_PROPERTIES = keyOf((type) => Inject('token')(type.prototype as object, 'property'));

/** Where the decorated parameters of a method are kept, on its class. */
export const PARAMETERS = keyOf((type) => MessageBody()(type.prototype as object, 'method', 0), 'method');

/** What Nest keeps of the options of an application; its types hide it. */
interface ContainerHolder {
  readonly container?: {
    readonly contextOptions?: { readonly instrument?: { instanceDecorator?: unknown } };
  };
}

/** Whether an application decorates every instance that Nest makes (`instrument.instanceDecorator`), so that only Nest may make one. */
export function decoratesInstances(moduleRef: ModuleRef): boolean {
  const { container } = moduleRef as unknown as ContainerHolder;
  // Without the container nobody knows.
  return container === undefined || container.contextOptions?.instrument?.instanceDecorator !== undefined;
}
