/** The package as a user gets it: packed, installed into a new application, compiled, run. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, connectRefused } from '../support/client.js';
import { run, TestProcess } from '../support/process.js';

const FIXTURE = 'test/package/fixture/app.ts';
const TYPESCRIPT = 'typescript@6.0.3';
const env = {
  ...process.env,
  NODE_OPTIONS: '',
  npm_config_loglevel: 'error',
  npm_config_fund: 'false',
  npm_config_audit: 'false',
  // A registry that stalls is asked again, not waited for.
  npm_config_prefer_offline: 'true',
  npm_config_fetch_timeout: '30000',
  npm_config_fetch_retries: '5',
};

let tarball: string;
let files: string[];
const folders: string[] = [];

beforeAll(async () => {
  const folder = await newFolder();
  // The build is there already: npm test made it.
  const packed = JSON.parse(
    await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { env }),
  ) as
    | [{ filename: string; files: { path: string }[] }]
    | Record<string, { filename: string; files: { path: string }[] }>;
  const [{ filename, files: entries }] = Object.values(packed) as [
    { filename: string; files: { path: string }[] },
  ];
  tarball = join(folder, filename);
  files = entries.map(({ path }) => path);
}, 60_000);

afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nestjs-4d-websocket-'));
  folders.push(folder);
  return folder;
}

/** What the compiler finds in an application, and in our own types; those of other packages are not ours to mend. */
async function compileErrors(folder: string, ...files: string[]): Promise<string[]> {
  const project = JSON.parse(await readFile(join(folder, 'tsconfig.json'), 'utf8')) as { files: string[] };
  const all = [...project.files, ...files];
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ ...project, files: all }));
  const compiled = await run('npx', ['tsc', '--noEmit', 'false'], { cwd: folder, env }).catch(
    (error: Error) => error.message,
  );
  return String(compiled)
    .split('\n')
    .filter((line) => /error TS/.test(line) && !/^node_modules\/(?!nestjs-4d-websocket)/.test(line));
}

it('holds what users need, and nothing else', () => {
  const unexpected = files.filter(
    (path) =>
      !/^(package\.json|README\.md|LICENSE|CHANGELOG\.md|dist\/(?!sample\/).*\.(js|d\.ts|map)|lib\/.*\.ts)$/.test(
        path,
      ),
  );
  expect(unexpected).toEqual([]);
  expect(files).toEqual(
    expect.arrayContaining([
      'LICENSE',
      'README.md',
      'CHANGELOG.md',
      'dist/index.js',
      'dist/index.d.ts',
      'dist/index.js.map',
    ]),
  );
});

it('is clean for publint and for attw', async () => {
  await run('npx', ['publint', '--strict', tarball], { env });
  await run('npx', ['attw', tarball, '--profile', 'esm-only', '--no-emoji'], { env });
}, 60_000);

it.each([
  { kind: 'ESM', nest: '12', ioredis: '6', module: 'module' as const },
  { kind: 'CommonJS', nest: '11', ioredis: '5', module: 'commonjs' as const },
])(
  'works in a new $kind application on Nest $nest',
  async ({ nest, ioredis, module }) => {
    const folder = await newFolder();
    await writeFile(
      join(folder, 'package.json'),
      JSON.stringify({ name: 'app', private: true, type: module }),
    );
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          module: 'nodenext',
          target: 'es2023',
          strict: true,
          // Our types are checked with the application's.
          skipLibCheck: false,
          experimentalDecorators: true,
          emitDecoratorMetadata: true,
          types: ['node'],
          outDir: 'dist',
        },
        files: ['app.ts'],
      }),
    );
    await cp(FIXTURE, join(folder, 'app.ts'));
    const nestPackages = ['common', 'core', 'websockets', 'platform-ws', 'platform-express'].map(
      (name) => `@nestjs/${name}@${nest}`,
    );
    await run(
      'npm',
      ['install', tarball, ...nestPackages, 'rxjs', 'reflect-metadata', TYPESCRIPT, '@types/node@20'],
      { cwd: folder, env },
    );
    expect(await compileErrors(folder)).toEqual([]);
    expect(
      (await readFile(join(folder, 'dist/app.js'), 'utf8')).includes('require("nestjs-4d-websocket")'),
    ).toBe(module === 'commonjs');

    const app = new TestProcess('node', ['dist/app.js'], { cwd: folder, env });
    try {
      const [, port, dataType] = await app.line(/^listening (\d+) (\w+)$/);
      expect(dataType).toBe('text');
      const url = `ws://127.0.0.1:${port}`;
      const client = await connect(`${url}/upper?key=letmein`);
      client.send('hello');
      expect(await client.next()).toBe('HELLO');
      expect(await connectRefused(`${url}/upper`)).toMatchObject({ status: 403 });
      const gateway = await connect(`${url}/gateway`);
      gateway.send('{"event":"ping","data":"x"}');
      expect(await gateway.next()).toBe('{"event":"pong","data":"x"}');
      app.write('close');
      expect((await client.closed).code).toBe(1001);
      expect(await app.exited).toBe(0);
      expect(app.output).not.toMatch(/warn/i);
    } finally {
      await app.stop('SIGKILL');
    }

    // Nobody needs a broker's client who doesn't use it; who does is told what to install.
    const tell = `for (const [entry, name] of [['redis', 'RedisBackplane'], ['nats', 'NatsBackplane']]) {
      const { [name]: Backplane } = require('nestjs-4d-websocket/' + entry);
      new Backplane().connect({}).catch((error) => console.log(String(error)));
    }`;
    const told = await run('node', ['-e', tell], { cwd: folder, env });
    expect(told).toContain(
      'BackplaneError: RedisBackplane: it needs the package ioredis; install it: npm install ioredis',
    );
    expect(told).toContain(
      'BackplaneError: NatsBackplane: it needs the package @nats-io/transport-node; install',
    );
    await run('npm', ['install', `ioredis@${ioredis}`, '@nats-io/transport-node@3'], { cwd: folder, env });
    await cp('test/package/fixture/backplanes.ts', join(folder, 'backplanes.ts'));
    expect(await compileErrors(folder, 'backplanes.ts')).toEqual([]);
  },
  400_000,
);
