import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Commands } from './contenders/contender.js';

/** A contender's server, in a process of its own. */
export class ServerProcess {
  private constructor(
    readonly name: string,
    readonly port: number,
    private readonly child: ChildProcess,
  ) {}

  static async start(name: string, env: NodeJS.ProcessEnv = {}): Promise<ServerProcess> {
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
    return new ServerProcess(name, port, child);
  }

  async #ask<C extends keyof Commands>(command: C): Promise<ReturnType<Commands[C]>> {
    const answer = once(this.child, 'message');
    this.child.send(command);
    return ((await answer) as [ReturnType<Commands[C]>])[0];
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

  async stop(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }
}
