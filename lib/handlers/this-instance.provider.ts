import type { FactoryProvider } from '@nestjs/common';
import { ThisInstance } from '../instances/this-instance.js';
import { InvalidOptionError } from '../errors/invalid-option.error.js';
import type { Backplane } from '../interfaces/index.js';
import { MODULE_OPTIONS_TOKEN, type FourDWebSocketModuleOptions } from '../module-options.js';

const METHODS = ['connect', 'subscribe', 'unsubscribe', 'publish', 'close'] as const;

/** This instance among the others, if the module has a backplane; null without one. */
export const thisInstanceProvider: FactoryProvider<ThisInstance | null> = {
  provide: ThisInstance,
  inject: [{ token: MODULE_OPTIONS_TOKEN, optional: true }],
  useFactory: ({ backplane }: FourDWebSocketModuleOptions = {}) => {
    if (backplane === undefined || backplane === false) return null;
    if (!isBackplane(backplane)) {
      throw new InvalidOptionError(
        'FourDWebSocketModule',
        'backplane',
        backplane,
        'false or a Backplane, such as new RedisBackplane({ url })',
      );
    }
    return new ThisInstance(backplane);
  },
};

function isBackplane(value: unknown): value is Backplane {
  return (
    typeof value === 'object' &&
    value !== null &&
    METHODS.every((method) => typeof (value as Record<string, unknown>)[method] === 'function')
  );
}
