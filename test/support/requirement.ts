import { existsSync } from 'node:fs';

/**
 * `describe` for tests that need a program of the system. Without it they are skipped with the reason in their name,
 * unless `CI` is set: then they fail.
 */
export function describeWith(program: string, path: string, name: string, tests: () => void): void {
  if (existsSync(path)) {
    describe(name, tests);
  } else if (process.env.CI) {
    describe(name, () => {
      it(`needs ${program}`, () => {
        throw new Error(`${path} is missing: install ${program}`);
      });
    });
  } else {
    describe.skip(`${name} (skipped: ${program} is not installed at ${path})`, tests);
  }
}
