// Bundles the client for pages without a bundler: one module, in dist/client/four-d-websocket.min.js.
import { build } from 'esbuild';

await build({
  entryPoints: ['lib/client/browser.ts'],
  outfile: 'dist/client/four-d-websocket.min.js',
  bundle: true,
  format: 'esm',
  minify: true,
  platform: 'browser',
  sourcemap: 'linked',
  target: 'es2022',
});
