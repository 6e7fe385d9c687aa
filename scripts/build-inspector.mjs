// Bundles the inspector's page with what it imports, and writes it as a module of lib/, which both builds of the package compile.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const FOLDER = 'lib/inspector/page';
const FILE = 'lib/inspector/page-files.ts';

const { outputFiles } = await build({
  entryPoints: [`${FOLDER}/main.ts`],
  bundle: true,
  format: 'esm',
  minify: true,
  platform: 'browser',
  target: 'es2022',
  write: false,
});
const style = await build({
  stdin: {
    contents: "@import 'uplot/dist/uPlot.min.css'; @import './page.css';",
    loader: 'css',
    resolveDir: FOLDER,
  },
  bundle: true,
  minify: true,
  write: false,
});
const files = {
  PAGE: readFileSync(`${FOLDER}/index.html`, 'utf8'),
  SCRIPT: outputFiles[0].text,
  STYLE: style.outputFiles[0].text,
};
const text = [
  '// Made by scripts/build-inspector.mjs of the folder page/.',
  ...Object.entries(files).map(([name, content]) => `export const ${name} = ${JSON.stringify(content)};`),
  '',
].join('\n');
if (!existsSync(FILE) || readFileSync(FILE, 'utf8') !== text) writeFileSync(FILE, text);
