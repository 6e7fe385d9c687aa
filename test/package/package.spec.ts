/** The package as it is published: what is in it, and what the ecosystem's checks say of it. */
import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { run } from '../support/process.js';
import { env, pack, removeFolders } from './packed.js';

let tarball: string;
let files: string[];

beforeAll(async () => {
  ({ tarball, files } = await pack());
}, 120_000);

afterAll(removeFolders);

it('holds what users need, and nothing else', () => {
  const built = /^dist\/(?:esm|cjs)\/(.*)\.(?:js|d\.ts)(?:\.map)?$/;
  const unexpected = files.filter((path) => {
    const source = built.exec(path)?.[1];
    if (source !== undefined) return !existsSync(`lib/${source}.ts`);
    return !(
      /^(?:package\.json|README\.md|LICENSE|CHANGELOG\.md|CONTRIBUTING\.md|SECURITY\.md|dist\/cjs\/package\.json|dist\/client\/four-d-websocket\.min\.js(?:\.map)?)$/.test(
        path,
      ) ||
      // For authors of clients in other languages.
      /^test\/(?:e2e\/resuming_client\.py|support\/protocol-vectors\.json)$/.test(path) ||
      /^(?:lib\/.*\.ts|docs\/(?:operations\/)?[\w-]+\.(?:md|conf|ya?ml|json)|docs\/images\/[\w-]+\.(?:png|svg)|sample\/.*)$/.test(
        path,
      )
    );
  });
  expect(unexpected).toEqual([]);
  const modules = files.filter((path) => path.startsWith('lib/')).map((path) => path.slice(4, -3));
  expect(files).toEqual(
    expect.arrayContaining([
      'LICENSE',
      'README.md',
      'CHANGELOG.md',
      'SECURITY.md',
      'dist/cjs/package.json',
      'dist/client/four-d-websocket.min.js',
      ...modules.flatMap((name) =>
        ['esm', 'cjs'].flatMap((format) =>
          ['js', 'js.map', 'd.ts', 'd.ts.map'].map((extension) => `dist/${format}/${name}.${extension}`),
        ),
      ),
    ]),
  );
});

it('has no link that leads out of it', () => {
  const broken = files
    .filter((path) => path.endsWith('.md'))
    .flatMap((path) => {
      const text = readFileSync(path, 'utf8').replace(/```[\s\S]*?```/g, '');
      const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g)].map((match) => match[1]!);
      return links
        .map((link) => posix.join(posix.dirname(path), link))
        .filter((target) => !files.some((file) => file === target || file.startsWith(`${target}/`)))
        .map((target) => `${path}: ${target}`);
    });
  expect(broken).toEqual([]);
});

it('is clean for publint and for attw, whatever resolves its modules', async () => {
  await run('npx', ['publint', '--strict', tarball], { env });
  // The one file is for pages, which import modules.
  const options = ['--profile', 'strict', '--no-emoji', '--exclude-entrypoints', 'client.min.js'];
  await run('npx', ['attw', tarball, ...options], { env });
}, 120_000);
