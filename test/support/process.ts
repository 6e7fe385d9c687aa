import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A process that a test started. */
export class TestProcess {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  #wake: () => void = () => undefined;
  readonly exited: Promise<number | null>;

  constructor(command: string, args: readonly string[], options: SpawnOptions = {}) {
    this.#child = spawn(command, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
    this.exited = once(this.#child, 'exit').then(([code]) => code as number | null);
    void this.exited.then(() => this.#wake());
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      createInterface(stream).on('line', (line) => {
        this.#lines.push(line);
        this.#wake();
      });
    }
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** All it printed. */
  get output(): string {
    return this.#lines.join('\n');
  }

  /** Waits for a line that matches, printed already or not yet. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    for (let index = 0; ; index++) {
      while (index >= this.#lines.length) {
        if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
          throw new Error(`the process ended without a line like ${String(pattern)}:\n${this.output}`);
        }
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
      const found = pattern.exec(this.#lines[index]!);
      if (found) return found;
    }
  }

  write(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  /** Ends it, and waits for its end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill(signal);
    return this.exited;
  }
}

/** Runs a command to its end; rejects with its output if it fails. */
export async function run(
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<string> {
  const child = new TestProcess(command, args, options);
  const code = await child.exited;
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${child.output}`);
  return child.output;
}
