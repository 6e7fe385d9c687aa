/**
 * The applications that `nest new` makes, as they are, with the package: installed with the README's line, built, linted,
 * tested as the testing guide does it, and run.
 */
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { connect, connectRefused, type TestClient } from '../support/client.js';
import { freePort } from '../support/free-port.js';
import { run, TestProcess } from '../support/process.js';
import { env, newFolder, pack, removeFolders } from './packed.js';

interface Starter {
  nest: string;
  modules: 'CommonJS' | 'ESM';
  runner: 'jest' | 'vitest';
  ioredis: string;
  /** How else its compiler may look for modules. */
  otherResolution: object;
}

const starters: Starter[] = [
  {
    nest: '11',
    modules: 'CommonJS',
    runner: 'jest',
    ioredis: '5',
    otherResolution: { module: 'commonjs', moduleResolution: 'node10', resolvePackageJsonExports: false },
  },
  {
    nest: '12',
    modules: 'ESM',
    runner: 'vitest',
    ioredis: '6',
    otherResolution: { module: 'esnext', moduleResolution: 'bundler' },
  },
];

// Compilers and test runners take their time where all processors are busy.
jest.setTimeout(180_000);

const folders = new Map<string, string>();

beforeAll(async () => {
  const { tarball } = await pack();
  // Most of the time goes into waiting for the registry.
  await Promise.all(
    starters.map(async (starter) => folders.set(starter.nest, await makeApplication(starter, tarball))),
  );
}, 600_000);

afterAll(removeFolders, 120_000);

async function makeApplication({ nest, modules }: Starter, tarball: string): Promise<string> {
  const parent = await newFolder();
  const generate = ['new', 'app', '--skip-git', '--skip-install', '--package-manager', 'npm'];
  await run('npx', ['--yes', `@nestjs/cli@${nest}`, ...generate], { cwd: parent, env });
  const folder = join(parent, 'app');

  const readme = await readFile('README.md', 'utf8');
  const line = new RegExp(`^npm install nestjs-4d-websocket .*@${nest}\\b.*$`, 'm').exec(readme)![0];
  await npm(folder, line.replace('nestjs-4d-websocket', tarball));
  const guide = await readFile('docs/testing.md', 'utf8');
  await npm(folder, /^npm install --save-dev .*$/m.exec(guide)![0]);

  await cp('test/package/starter', folder, { recursive: true });
  const [withoutAPort, overASocket, handlerAlone] = [
    '## Without a port',
    '## Over a real socket',
    '## A handler alone',
  ].map((heading) => /```ts\n([\s\S]*?)```/.exec(guide.slice(guide.indexOf(heading)))![1]!);
  await writeFile(join(folder, 'test/without-a-port.e2e-spec.ts'), withoutAPort!);
  await writeFile(join(folder, 'test/guide.e2e-spec.ts'), overASocket!);
  await writeFile(join(folder, 'src/guide.spec.ts'), handlerAlone!);
  if (modules === 'CommonJS') await importWithoutExtensions(folder);
  return folder;
}

/** A line of the documentation, for a shell in the application's folder. */
function npm(folder: string, line: string): Promise<string> {
  const [command, ...args] = line.split(' ');
  return run(command!, args, { cwd: folder, env });
}

/** The files are written as for ESM; jest finds `./file`, and not `./file.js`, in the sources of CommonJS. */
async function importWithoutExtensions(folder: string): Promise<void> {
  for (const place of ['src', 'test']) {
    for (const name of await readdir(join(folder, place))) {
      if (!name.endsWith('.ts')) continue;
      const file = join(folder, place, name);
      const code = await readFile(file, 'utf8');
      await writeFile(file, code.replace(/(from '\.[^']*)\.js'/g, "$1'"));
    }
  }
}

/** What the compiler finds in programs and our types, as `moduleResolution` has it; other packages' types are theirs. */
async function compileErrors(folder: string, options: object = {}): Promise<string[]> {
  const check = {
    extends: './tsconfig.json',
    compilerOptions: { noEmit: true, incremental: false, skipLibCheck: false, types: ['node'], ...options },
    include: ['src/everything.ts', 'src/backplanes.ts'],
  };
  await writeFile(join(folder, 'tsconfig.check.json'), JSON.stringify(check));
  const output = await npm(folder, 'npx tsc -p tsconfig.check.json').catch((error: Error) => {
    if (!error.message.includes('error TS')) throw error;
    return error.message;
  });
  return output
    .split('\n')
    .filter((line) => /error TS/.test(line) && !/^node_modules\/(?!nestjs-4d-websocket)/.test(line));
}

/** Connects to an application that says that it has started just before it listens. */
async function connectSoon(url: string): Promise<TestClient> {
  for (;;) {
    try {
      return await connect(url);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
    }
  }
}

describe.each(starters)(
  'the starter of Nest $nest ($modules, $runner)',
  ({ nest, modules, ioredis, otherResolution }) => {
    let folder: string;

    beforeAll(() => {
      folder = folders.get(nest)!;
    });

    it('builds, and has nothing for the linter', async () => {
      await npm(folder, 'npm run build');
      await npm(folder, 'npm run lint');
      const main = await readFile(join(folder, 'dist/everything.js'), 'utf8');
      expect(main.includes('require("nestjs-4d-websocket")')).toBe(modules === 'CommonJS');
    });

    it('passes its unit tests and its e2e tests', async () => {
      const unit = await npm(folder, 'npm test');
      for (const name of ['app.controller', 'upper.handler', 'guide', 'without-brokers']) {
        expect(unit).toContain(`src/${name}.spec.ts`);
      }
      const e2e = await npm(folder, 'npm run test:e2e');
      for (const name of ['app', 'upper', 'guide', 'without-a-port'])
        expect(e2e).toContain(`test/${name}.e2e-spec.ts`);
    });

    it('starts, and serves a handler', async () => {
      const port = await freePort();
      const app = new TestProcess('node', ['dist/main'], {
        cwd: folder,
        env: { ...env, PORT: String(port) },
      });
      try {
        await app.line(/Nest application successfully started/);
        const client = await connectSoon(`ws://127.0.0.1:${port}/upper`);
        expect(await client.next()).toBe('Hello World!');
        client.send('hello');
        expect(await client.next()).toBe('HELLO');
      } finally {
        await app.stop();
      }
    });

    it('serves handlers beside gateways, and closes in order', async () => {
      const app = new TestProcess('node', ['dist/everything.js'], { cwd: folder, env });
      try {
        const [, port, dataType] = await app.line(/^listening (\d+) (\w+)$/);
        expect(dataType).toBe('text');
        const url = `ws://127.0.0.1:${port}`;
        const client = await connect(`${url}/audited?key=letmein`);
        client.send('hello');
        expect(await client.next()).toBe('HELLO');
        expect(await connectRefused(`${url}/audited`)).toMatchObject({ status: 403 });
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
    });

    it('has one copy of the package in a process, imported and required', async () => {
      const { exports } = JSON.parse(await readFile('package.json', 'utf8')) as { exports: object };
      // Two need a package that a starter does not have.
      const entries = Object.keys(exports).filter(
        (entry) => !/\.json$|^\.\/(opentelemetry|prometheus)$/.test(entry),
      );
      for (const first of ['import', 'require']) {
        const compare = `(async () => {
        for (const entry of ${JSON.stringify(entries)}) {
          const name = 'nestjs-4d-websocket' + entry.slice(1);
          const early = ${first === 'import' ? 'await import(name)' : 'require(name)'};
          const late = ${first === 'import' ? 'require(name)' : 'await import(name)'};
          const names = Object.keys(early).filter((key) => early[key] === late[key]);
          console.log(entry, names.length > 0 && names.length === Object.keys(late).length);
        }
      })();`;
        const compared = await run('node', ['-e', compare], { cwd: folder, env });
        expect(compared.split('\n')).toEqual(entries.map((entry) => `${entry} true`));
      }
    });

    it("tells which broker's client is missing, and uses it when it is there", async () => {
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
      await npm(folder, `npm install ioredis@${ioredis} @nats-io/transport-node@3`);
      await cp('test/package/with-brokers', folder, { recursive: true });
      await npm(folder, 'npm test -- with-brokers');
    });

    it('has types without an error, with the libraries checked', async () => {
      await npm(folder, 'npx tsc --noEmit --incremental false');
      expect(await compileErrors(folder)).toEqual([]);
      expect(await compileErrors(folder, otherResolution)).toEqual([]);
    });
  },
);
