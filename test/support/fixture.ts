import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { transformSync } from '@swc/core';

/** An application in a process of its own, which a test talks to by commands. */
export class FixtureProcess {
  readonly #child: ChildProcess;
  readonly #replies = new Map<number, (value: unknown) => void>();
  #calls = 0;
  readonly exited: Promise<[code: number | null, signal: string | null]>;
  port = 0;
  /** What it said when it was ready. */
  ready: Record<string, unknown> = {};
  output = '';

  private constructor(file: string, nodeOptions: readonly string[], env: NodeJS.ProcessEnv) {
    this.#child = fork(file, [], {
      execArgv: ['--expose-gc', ...nodeOptions],
      env: { ...process.env, NODE_OPTIONS: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    }
    this.exited = once(this.#child, 'exit') as Promise<[number | null, string | null]>;
    this.#child.on('message', (message: { call?: number; value?: unknown }) => {
      if (message.call === undefined) return;
      this.#replies.get(message.call)?.(message.value);
      this.#replies.delete(message.call);
    });
  }

  /**
   * Starts an application.
   *
   * @param source a TypeScript file that serves `command` messages, see `fixture-commands.ts`
   */
  static async start(
    source: string,
    { nodeOptions = [], env = {} }: { nodeOptions?: string[]; env?: NodeJS.ProcessEnv } = {},
  ): Promise<FixtureProcess> {
    const fixture = new FixtureProcess(compileFixture(source), nodeOptions, env);
    const [ready] = (await Promise.race([
      once(fixture.#child, 'message'),
      fixture.exited.then(([code]) =>
        Promise.reject(new Error(`${source} ended with ${code}: ${fixture.output}`)),
      ),
    ])) as [{ port: number }];
    fixture.ready = ready;
    fixture.port = ready.port;
    return fixture;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Runs a command of the application. */
  call<T = unknown>(command: string, ...args: unknown[]): Promise<T> {
    const call = ++this.#calls;
    const reply = new Promise<T>((resolve) => this.#replies.set(call, resolve as (value: unknown) => void));
    this.#child.send({ call, command, args });
    return Promise.race([
      reply,
      this.exited.then(([code, signal]) =>
        Promise.reject(
          new Error(`the application ended with ${code ?? signal} during "${command}": ${this.output}`),
        ),
      ),
    ]);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends the process, if it has not ended. */
  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    await this.exited;
  }
}

/** Compiles a TypeScript file beside the built package, which it imports by its name. Returns the program. */
export function compileFixture(source: string): string {
  const { code } = transformSync(readFileSync(source, 'utf8'), {
    filename: source,
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
      keepClassNames: true,
    },
    module: { type: 'es6' },
    sourceMaps: 'inline',
  });
  mkdirSync('dist/fixture', { recursive: true });
  const file = join('dist/fixture', basename(source).replace(/\.ts$/, '.mjs'));
  // Another worker may start the same program now: it finds the whole file, this or that.
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, code);
  renameSync(draft, file);
  return file;
}
