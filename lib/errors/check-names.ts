import { nearestName } from '../foundation/nearest-name.js';
import { InvalidOptionError } from './invalid-option.error.js';

/**
 * Checks that there are such options.
 *
 * @param owner whose they are, for the error
 * @param what they are names of
 * @param prefix where they are, such as `heartbeat.`
 * @throws {InvalidOptionError} for a name that there is none of, such as a misspelt one, with the one that it is most like
 */
export function checkNames(
  given: object,
  owner: string,
  names: ReadonlySet<string>,
  { what = 'option', prefix = '' }: { what?: string; prefix?: string } = {},
): void {
  for (const [name, value] of Object.entries(given)) {
    if (names.has(name)) continue;
    const nearest = nearestName(name, names);
    const instead = nearest === undefined ? 'left out' : `"${prefix}${nearest}"`;
    throw new InvalidOptionError(owner, prefix + name, value, `${instead}: there is no such ${what}`);
  }
}
