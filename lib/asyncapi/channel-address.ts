import { parse, type Token } from 'path-to-regexp';
import { InvalidOptionError } from '../errors/invalid-option.error.js';
import { encodePath } from '../server/handshake/canonical-path.js';
import type { AsyncApiChannel } from './async-api-document.js';

/**
 * A server's path as the address of a channel: `/rooms/:id` is `/rooms/{id}`.
 *
 * @param owner the class, for the error
 * @throws {InvalidOptionError} for what is no pattern of path-to-regexp
 */
export function channelAddress(
  path: string | undefined,
  owner: string,
): Pick<AsyncApiChannel, 'address' | 'parameters'> {
  if (path === undefined) return { address: null };
  const parameters: NonNullable<AsyncApiChannel['parameters']> = {};
  const write = (token: Token, isOptional: boolean): string => {
    if (token.type === 'text') return encodePath(token.value);
    if (token.type === 'group') return token.tokens.map((each) => write(each, true)).join('');
    // Names in an address have fewer letters than those of a pattern.
    const name = token.name.replace(/[^\w-]/g, '_');
    const what =
      token.type === 'wildcard' ? 'One segment of the path or several.' : 'One segment of the path.';
    const optional = `${what} May be left out: the path is \`${path}\`.`;
    parameters[name] = { description: isOptional ? optional : what };
    return `{${name}}`;
  };
  const address = tokensOf(path, owner)
    .map((token) => write(token, false))
    .join('');
  return Object.keys(parameters).length === 0 ? { address } : { address, parameters };
}

function tokensOf(path: string, owner: string): readonly Token[] {
  try {
    return parse(path).tokens;
  } catch (error) {
    const expected = `a path or a pattern of path-to-regexp (${(error as Error).message})`;
    throw new InvalidOptionError(owner, 'path', path, expected);
  }
}
