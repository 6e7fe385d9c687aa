/** Every TypeScript snippet of the documentation compiles, as strictly as the package itself. */
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import ts from 'typescript';

const documents = [
  'README.md',
  'SECURITY.md',
  ...readdirSync('docs')
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

/** Links from one document to another, or to a file of the repository. */
it.each(documents)('%s links to what exists', (path) => {
  const text = readFileSync(path, 'utf8').replace(/```[\s\S]*?```/g, '');
  const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g)].map((match) => match[1]!);
  const broken = links.filter((link) => {
    const target = resolve(path, '..', link);
    return !ts.sys.fileExists(target) && !ts.sys.directoryExists(target);
  });
  expect(broken).toEqual([]);
});
