import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** What a page has to load for a client, in bytes. */
interface ClientSize {
  name: string;
  minified: number;
  gzipped: number;
}

/** What an application imports of each client; nothing else of the package is bundled. */
const IMPORTS: Record<string, string> = {
  'this package': "export { FourDWebSocket } from './dist/esm/client/browser.js'",
  partysocket: "export { WebSocket } from 'partysocket'",
  'socket.io-client': "export { io } from 'socket.io-client'",
  centrifuge: "export { Centrifuge } from 'centrifuge'",
};

async function sizeOf(name: string, contents: string): Promise<ClientSize> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: process.cwd() },
    bundle: true,
    format: 'esm',
    minify: true,
    platform: 'browser',
    target: 'es2022',
    write: false,
  });
  return sizeIn(name, outputFiles[0]!.contents);
}

function sizeIn(name: string, code: Uint8Array): ClientSize {
  return { name, minified: code.length, gzipped: gzipSync(code, { level: 9 }).length };
}

/** The clients for browsers, as a bundler makes them for a page; and the one file for pages without a bundler. */
export async function clientSizes(): Promise<ClientSize[]> {
  const sizes: ClientSize[] = [];
  for (const [name, contents] of Object.entries(IMPORTS)) sizes.push(await sizeOf(name, contents));
  const file = readFileSync('dist/client/four-d-websocket.min.js');
  sizes.splice(1, 0, sizeIn('this package, the one file', file));
  return sizes;
}

/** The sizes of the clients, as Markdown. */
export function sizesTable(sizes: readonly ClientSize[]): string {
  return [
    '### The clients’ builds for browsers',
    '',
    '| | minified, bytes | and gzipped |',
    '| --- | ---: | ---: |',
    ...sizes.map(
      ({ name, minified, gzipped }) =>
        `| ${name} | ${minified.toLocaleString('en')} | ${gzipped.toLocaleString('en')} |`,
    ),
  ].join('\n');
}
