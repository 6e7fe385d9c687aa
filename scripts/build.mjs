// Builds lib/ twice, as ES modules and as CommonJS. What has not changed since the last build is left as it is.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const { status } = spawnSync('tsc', ['-b', 'tsconfig.build.json', 'tsconfig.build.cjs.json'], {
  stdio: 'inherit',
  shell: true,
});
if (status !== 0) process.exit(status ?? 1);

for (const format of ['esm', 'cjs']) {
  const folder = join('dist', format);
  for (const file of readdirSync(folder, { recursive: true })) {
    const source = join('lib', file.replace(/(\.d\.ts|\.js)(\.map)?$/, '.ts'));
    // The compiler leaves behind what it made of files that are no more.
    if (!existsSync(source)) rmSync(join(folder, file), { recursive: true, force: true });
  }
}
// The package is ESM, but for this folder.
writeFileSync('dist/cjs/package.json', '{ "type": "commonjs" }\n');
