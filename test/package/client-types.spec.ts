/** The client's types, as pages see them, which know nothing of Node, and as Node sees them, which knows nothing of pages. */
import { resolve } from 'node:path';
import ts from 'typescript';

const PROGRAM = `
  import { FourDWebSocket, type ClientMessageEvent, type ClientOptions } from './client.js';
  const options: ClientOptions = { token: async () => 'token', reconnect: { maxAttempts: 3 } };
  const ws = new FourDWebSocket<{ n: number }>(
    'wss://example.com/',
    {
      dataType: 'object',
      onMessage(client, { data }: ClientMessageEvent<{ n: number }>) {
        client.send({ n: data.n.toFixed() });
      },
    },
    options,
  );
  const bytes: BytesOfMessages = await new Promise((resolve) => {
    new FourDWebSocket('ws://example.com/', { dataType: 'blob', onMessage: (_ws, { data }) => resolve(data) });
  });
  const status: 'Connecting' | 'Connected' | 'Closing' | 'Closed' = ws.status;
  ws.send(bytes);
  ws.terminate(4000, status);
`;

/** What the compiler finds in a program that uses the client, and in the types of the client itself. */
function errorsOf(build: string, bytes: string, options: ts.CompilerOptions): string[] {
  const program = resolve('dist/esm/client/program.mts');
  const code = `${PROGRAM.replace('./client.js', build)}\ntype BytesOfMessages = ${bytes};\n`;
  const all: ts.CompilerOptions = {
    ...options,
    noEmit: true,
    strict: true,
    skipLibCheck: false,
    skipDefaultLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
  };
  const host = ts.createCompilerHost(all);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => path === program || fileExists(path);
  host.readFile = (path) => (path === program ? code : readFile(path));
  host.getSourceFile = (path, ...rest) =>
    path === program
      ? ts.createSourceFile(path, code, ts.ScriptTarget.ES2022)
      : getSourceFile.call(host, path, ...rest);
  return ts
    .getPreEmitDiagnostics(ts.createProgram([program], all, host))
    .map(
      ({ file, messageText }) =>
        `${file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    );
}

it.each([
  [
    'a page, without the types of Node',
    './browser.js',
    'Uint8Array',
    { lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'], types: [] },
  ],
  [
    'Node, without the types of a page',
    './node.js',
    'Uint8Array',
    { lib: ['lib.es2022.d.ts'], types: ['node'] },
  ],
])(
  'compile for %s',
  (_where, build, bytes, options) => {
    expect(errorsOf(build, bytes, options)).toEqual([]);
  },
  60_000,
);

it('a mistake in a program is found', () => {
  const options = { lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'], types: [] };
  expect(errorsOf('./browser.js', 'Date', options).join()).toContain("from type 'Date'");
}, 60_000);
