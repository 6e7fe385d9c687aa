/** Every TypeScript snippet of the documentation compiles, as strictly as the package itself. */
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import ts from 'typescript';

const documents = [
  'README.md',
  'SECURITY.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
].filter((path) => ts.sys.fileExists(path));

interface Snippet {
  name: string;
  code: string;
}

/** The `ts` blocks of a document. A block after `<!-- continues -->` is compiled together with the one before it. */
function snippetsOf(path: string): Snippet[] {
  const snippets: Snippet[] = [];
  const text = readFileSync(path, 'utf8');
  for (const match of text.matchAll(/(<!-- continues -->\s*)?```ts\n([\s\S]*?)```/g)) {
    const line = text.slice(0, match.index).split('\n').length;
    const last = snippets.at(-1);
    if (match[1] && last) last.code += `\n${match[2]}`;
    else snippets.push({ name: `${path}:${line}`, code: match[2]! });
  }
  return snippets;
}

const snippets = documents.flatMap(snippetsOf);
const errors = compile(snippets);

function compile(all: readonly Snippet[]): Map<string, string[]> {
  const config = ts.parseJsonConfigFileContent(
    ts.readConfigFile('tsconfig.json', ts.sys.readFile).config,
    ts.sys,
    process.cwd(),
  );
  const options: ts.CompilerOptions = {
    ...config.options,
    noEmit: true,
    noUnusedLocals: false,
    noUnusedParameters: false,
  };
  const virtual = new Map(
    all.map(({ code }, index) => [resolve(`test/unit/snippet-${index}.ts`), `${code}\nexport {};\n`]),
  );
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => virtual.has(path) || fileExists(path);
  host.readFile = (path) => virtual.get(path) ?? readFile(path);
  host.getSourceFile = (path, ...rest) =>
    virtual.has(path)
      ? ts.createSourceFile(path, virtual.get(path)!, ts.ScriptTarget.ES2022)
      : getSourceFile.call(host, path, ...rest);
  const program = ts.createProgram([...virtual.keys()], options, host);
  return new Map(
    all.map(({ name }, index) => {
      const source = program.getSourceFile(resolve(`test/unit/snippet-${index}.ts`))!;
      const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
      return [name, found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))];
    }),
  );
}

it.each(snippets.map(({ name }) => name))('%s', (name) => {
  expect(errors.get(name)).toEqual([]);
});

/** A document without its blocks of code. */
function proseOf(path: string): string {
  return readFileSync(path, 'utf8').replace(/```[\s\S]*?```/g, '');
}

/** The headings of a document, as links to them are written: `### 6.1` is `#61`. */
function anchorsOf(path: string): string[] {
  return [...proseOf(path).matchAll(/^#+ (.+)$/gm)].map((match) =>
    match[1]!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Links from one document to another, to a heading, or to a file of the repository. */
it.each(documents)('%s links to what exists', (path) => {
  const links = [...proseOf(path).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map((match) => match[1]!);
  const broken = links.filter((link) => {
    const [file, anchor] = link.split('#') as [string, string | undefined];
    const target = file === '' ? path : resolve(path, '..', file);
    if (anchor !== undefined) return !ts.sys.fileExists(target) || !anchorsOf(target).includes(anchor);
    return !ts.sys.fileExists(target) && !ts.sys.directoryExists(target);
  });
  expect(broken).toEqual([]);
});

it('the code and the documentation cite clauses that the reference has', () => {
  const clauses = [...proseOf('docs/reference.md').matchAll(/^#+ (\d+(?:\.\d+)?)/gm)].map(
    (match) => match[1]!,
  );
  const sources = readdirSync('lib', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `lib/${name}`);
  const unknown = [...sources, ...documents].flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/\breference (\d+(?:\.\d+)?)/g)]
      .map((match) => match[1]!)
      .filter((clause) => !clauses.includes(clause))
      .map((clause) => `${path}: ${clause}`),
  );
  expect(clauses).toContain('14.3');
  expect(unknown).toEqual([]);
});
