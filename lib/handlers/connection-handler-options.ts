import { Scope } from '@nestjs/common';
import type { ConnectionHandlerOptions } from '../decorators/connection-handler.decorator.js';
import { contractBehind } from '../contract/contract.js';
import { checkNames } from '../errors/check-names.js';
import { InvalidOptionError } from '../errors/invalid-option.error.js';
import type { ServerOptions } from '../interfaces/index.js';
import { OPTION_NAMES } from '../server/server-options.js';

const NAMES: ReadonlySet<string> = new Set([
  ...OPTION_NAMES,
  'scope',
  'discriminator',
  'contract',
  'concurrency',
]);
const SCOPES: ReadonlySet<unknown> = new Set([undefined, Scope.DEFAULT, Scope.REQUEST, Scope.TRANSIENT]);

/**
 * Checks what is a connection handler's own among its options; the rest are a server's.
 *
 * @param owner the class, for the error
 * @throws {InvalidOptionError} for a name that there is none of, or a value that none has
 */
export function checkHandlerOptions(options: ConnectionHandlerOptions, owner: string): void {
  const given: unknown = options;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new InvalidOptionError(owner, 'options', given, "an object, such as { path: '/chat' }");
  }
  checkNames(options, owner, NAMES);
  const { scope, discriminator } = options;
  if (!SCOPES.has(scope)) {
    throw new InvalidOptionError(owner, 'scope', scope, 'Scope.DEFAULT, Scope.REQUEST or Scope.TRANSIENT');
  }
  if (discriminator !== undefined && typeof discriminator !== 'string') {
    throw new InvalidOptionError(owner, 'discriminator', discriminator, 'a string, the name of a property');
  }
  const { contract, concurrency, dataType } = options;
  if (contract !== undefined && contractBehind(contract) === undefined) {
    throw new InvalidOptionError(owner, 'contract', contract, 'what defineContract() returned');
  }
  if (concurrency !== undefined && !(Number.isSafeInteger(concurrency) && concurrency > 0)) {
    throw new InvalidOptionError(owner, 'concurrency', concurrency, 'a whole number from 1');
  }
  if (concurrency !== undefined && contract === undefined) {
    throw new InvalidOptionError(owner, 'concurrency', concurrency, 'left out, since there is no contract');
  }
  if (contract !== undefined && discriminator !== undefined) {
    throw new InvalidOptionError(
      owner,
      'discriminator',
      discriminator,
      'left out: a contract says which method serves',
    );
  }
  if (contract !== undefined && dataType !== undefined && dataType !== 'object') {
    throw new InvalidOptionError(
      owner,
      'dataType',
      dataType,
      "'object', or left out, since there is a contract",
    );
  }
}

/** The server options among those of a connection handler; undefined if there are none. */
export function serverOptionsOf({
  scope: _scope,
  discriminator: _discriminator,
  contract,
  concurrency: _concurrency,
  ...options
}: ConnectionHandlerOptions): ServerOptions | undefined {
  if (Object.values(options).every((value) => value === undefined)) return undefined;
  // The messages of a contract are objects, whatever the defaults say.
  return contract === undefined ? options : { ...options, dataType: 'object' };
}
