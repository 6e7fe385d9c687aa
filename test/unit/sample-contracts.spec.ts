/** What a sample's contract says, page and server keep to: a field that is called otherwise makes neither compile. */
import { resolve } from 'node:path';
import ts from 'typescript';

/** The errors of a project, by file, when one of its files has another text. */
function errorsOf(config: string, changed: string, change: (text: string) => string): Map<string, string[]> {
  const parsed = ts.getParsedCommandLineOfConfigFile(
    resolve(config),
    { noEmit: true },
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: ({ messageText }) => expect(messageText).toBe('') },
  )!;
  expect(parsed.errors).toEqual([]);
  const { options, fileNames } = parsed;
  const host = ts.createCompilerHost(options);
  const { readFile, getSourceFile } = host;
  const textOf = (path: string) => change(readFile(path)!);
  host.readFile = (path) => (resolve(path) === resolve(changed) ? textOf(path) : readFile(path));
  host.getSourceFile = (path, version, ...rest) =>
    resolve(path) === resolve(changed)
      ? ts.createSourceFile(path, textOf(path), version)
      : getSourceFile.call(host, path, version, ...rest);
  const found = new Map<string, string[]>();
  for (const { file, messageText } of ts.getPreEmitDiagnostics(ts.createProgram(fileNames, options, host))) {
    const path = file ? file.fileName.slice(process.cwd().length + 1) : config;
    found.set(path, [...(found.get(path) ?? []), ts.flattenDiagnosticMessageText(messageText, '\n')]);
  }
  return found;
}

const SAMPLES = [
  ['chat', 'chat.contract.ts', 'text: z.string().trim()', 'words: z.string().trim()'],
  ['rooms', 'board.contract.ts', 'left: Percent', 'x: Percent'],
  ['auth', 'clock.contract.ts', 'name: z.string()', 'user: z.string()'],
] as const;

it.each(SAMPLES)(
  '%s: a field of another name compiles neither on the page nor on the server',
  (...sample) => {
    const [name, contract, field, renamed] = sample;
    const path = `sample/${name}/${contract}`;
    const same = (text: string) => text;
    const rename = (text: string) => text.replaceAll(field, renamed);
    expect(rename(ts.sys.readFile(path)!)).not.toBe(ts.sys.readFile(path));
    for (const config of [`sample/${name}/tsconfig.app.json`, `sample/${name}/public/tsconfig.json`]) {
      expect(Object.fromEntries(errorsOf(config, path, same))).toEqual({});
    }
    const server = [...errorsOf(`sample/${name}/tsconfig.app.json`, path, rename).keys()];
    const page = [...errorsOf(`sample/${name}/public/tsconfig.json`, path, rename).keys()];
    expect(server).toEqual([expect.stringMatching(new RegExp(`^sample/${name}/\\w+\\.handler\\.ts$`))]);
    expect(page).toEqual([expect.stringMatching(new RegExp(`^sample/${name}/public/\\w+\\.ts$`))]);
  },
);
