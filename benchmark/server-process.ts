import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Commands, Request } from './contenders/contender.js';

/** A contender's server, in a process of its own. */
export class ServerProcess {
  private constructor(
    readonly name: string,
    readonly port: number,
    private readonly env: NodeJS.ProcessEnv,
    private child: ChildProcess,
  ) {}

  static async start(name: string, env: NodeJS.ProcessEnv = {}): Promise<ServerProcess> {
    const [port, child] = await ServerProcess.#fork(name, env);
    return new ServerProcess(name, port, env, child);
  }

  static async #fork(name: string, env: NodeJS.ProcessEnv): Promise<[port: number, child: ChildProcess]> {
    const file = fileURLToPath(new URL(`contenders/${name}.js`, import.meta.url));
    const child = fork(file, [], {
      execArgv: ['--expose-gc'],
      env: { ...process.env, NODE_ENV: 'production', ...env },
    });
    const exited = once(child, 'exit').then(([code]) =>
      Promise.reject(new Error(`${name} ended with ${code}`)),
    );
    const [port] = (await Promise.race([once(child, 'message'), exited])) as [number];
    exited.catch(() => undefined);
    return [port, child];
  }

  async #ask<C extends keyof Commands>(
    command: C,
    ...values: Parameters<Commands[C]>
  ): Promise<Awaited<ReturnType<Commands[C]>>> {
    const { child, name } = this;
    const ended = new AbortController();
    const onExit = (): void => ended.abort(new Error(`${name} was ended before it answered`));
    child.once('exit', onExit);
    try {
      const answer = once(child, 'message', { signal: ended.signal });
      child.send([command, ...values] as unknown as Request);
      return ((await answer) as [Awaited<ReturnType<Commands[C]>>])[0];
    } finally {
      child.off('exit', onExit);
    }
  }

  /** Time of the processor that the server has used, in microseconds. */
  async cpu(): Promise<number> {
    const { user, system } = await this.#ask('cpu');
    return user + system;
  }

  /** Heap and external memory after two collections, in bytes. */
  memory(): Promise<number> {
    return this.#ask('memory');
  }

  /** The most memory that the process has had, in bytes. */
  peakMemory(): Promise<number> {
    return this.#ask('peakMemory');
  }

  /** Has the server send a message to all clients. Rejects if it is killed before it says that it has. */
  async publish(text: string): Promise<void> {
    await this.#ask('publish', text);
  }

  /** Kills the server, and starts it anew where it was. */
  async restart(): Promise<void> {
    await this.stop();
    [, this.child] = await ServerProcess.#fork(this.name, { ...this.env, PORT: String(this.port) });
  }

  async stop(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }
}
