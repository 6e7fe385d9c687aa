// Bundles the scripts of the samples' pages with what they import: sample/chat/public/chat.ts is dist/sample/chat/public/chat.js.
import { build } from 'esbuild';

await build({
  entryPoints: ['sample/*/public/*.ts'],
  outbase: 'sample',
  outdir: 'dist/sample',
  bundle: true,
  format: 'esm',
  minify: true,
  platform: 'browser',
  sourcemap: 'linked',
  target: 'es2022',
});
