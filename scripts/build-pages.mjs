// Bundles the scripts of the samples' pages with what they import: sample/chat/public/chat.ts is dist/sample/chat/public/chat.js.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

await build({
  entryPoints: readdirSync('sample', { recursive: true, encoding: 'utf8' })
    .filter((name) => /^\w+.public.\w+\.ts$/.test(name))
    .map((name) => join('sample', name)),
  outbase: 'sample',
  outdir: 'dist/sample',
  bundle: true,
  format: 'esm',
  minify: true,
  platform: 'browser',
  sourcemap: 'linked',
  target: 'es2022',
});
