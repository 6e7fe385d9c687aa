import { BackplaneError } from '../errors/backplane.error.js';

/**
 * Loads a package that only the users of one backplane have.
 *
 * @throws {BackplaneError} that names the package to install, if it is missing
 */
export async function loadPackage<T>(backplane: string, name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw cause;
    throw new BackplaneError(backplane, `it needs the package ${name}; install it: npm install ${name}`, {
      cause,
    });
  }
}
