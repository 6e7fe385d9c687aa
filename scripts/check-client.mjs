// The browser's client stays small, and free of Node: bundles what users' bundlers will see of the built package.
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** Bytes, minified and gzipped. */
const LIMIT = 6144;

const { outputFiles, metafile } = await build({
  entryPoints: ['dist/esm/client/browser.js'],
  bundle: true,
  format: 'esm',
  metafile: true,
  minify: true,
  // An import of Node is an error there.
  platform: 'browser',
  target: 'es2022',
  write: false,
});
const size = gzipSync(outputFiles[0].contents, { level: 9 }).length;
const strangers = Object.keys(metafile.inputs).filter(
  (path) => !/^dist\/esm\/(client\/|protocol\/|contract\/contract\.js)/.test(path),
);
if (strangers.length > 0) throw new Error(`The client bundles ${strangers.join(', ')}`);
if (size > LIMIT) throw new Error(`The client has ${size} bytes, more than ${LIMIT}, minified and gzipped`);
console.log(`The client: ${size} of ${LIMIT} bytes, minified and gzipped`);
