import { createParamDecorator } from '@nestjs/common';

/**
 * Binds a parameter of a method that serves a contract's member to its `AbortSignal`: it fires when the client gives the call or
 * the stream up, or is gone (reference 17.4).
 */
export const Signal: () => ParameterDecorator = createParamDecorator(
  (_data: unknown, context): AbortSignal | undefined =>
    context.getArgByIndex<{ readonly signal?: AbortSignal } | undefined>(3)?.signal,
);
