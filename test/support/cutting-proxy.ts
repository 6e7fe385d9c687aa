import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Random } from './random.js';

/** A line through the proxy, from a client to an instance. */
interface Line {
  readonly client: Socket;
  readonly instance: Socket;
  /** How many bytes it lets through yet; it breaks in the midst of what comes then. */
  left: number;
}

/** Stands before instances, gives each line to one of them by chance, and cuts lines as often as it is told to. */
export class CuttingProxy {
  readonly #server: Server;
  readonly #lines = new Set<Line>();
  /** How many lines were cut. */
  cuts = 0;
  /** Whether new lines are cut, too. */
  #cutting = false;

  private constructor(
    private readonly random: Random,
    private readonly ports: readonly number[],
    private readonly averageBytes: number,
  ) {
    this.#server = createServer((client) => this.#join(client));
  }

  /**
   * @param ports where the instances listen
   * @param averageBytes after how many bytes a line is cut
   */
  static async start(random: Random, ports: readonly number[], averageBytes: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(random, ports, averageBytes);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on lines are cut, those that are there among them. */
  cut(): void {
    this.#cutting = true;
    for (const line of this.#lines) line.left = this.#life();
  }

  /** From now on lines are left alone. */
  rest(): void {
    this.#cutting = false;
    for (const line of this.#lines) line.left = Infinity;
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const line of this.#lines) this.#break(line);
    await once(this.#server, 'close');
  }

  #life(): number {
    return this.#cutting ? this.random.below(2 * this.averageBytes) : Infinity;
  }

  #join(client: Socket): void {
    const instance = connect(this.random.pick(this.ports), '127.0.0.1');
    const line: Line = { client, instance, left: this.#life() };
    this.#lines.add(line);
    for (const [from, to] of [
      [client, instance],
      [instance, client],
    ] as const) {
      from.setNoDelay();
      from.on('data', (bytes: Buffer) => this.#pass(line, from, to, bytes));
      from.on('error', () => undefined);
      from.on('close', () => this.#break(line));
    }
  }

  #pass(line: Line, from: Socket, to: Socket, bytes: Buffer): void {
    const passed = bytes.subarray(0, line.left);
    line.left -= bytes.length;
    if (line.left < 0) {
      this.cuts++;
      to.write(passed, () => this.#break(line));
      from.pause();
    } else if (!to.write(bytes)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
  }

  #break(line: Line): void {
    this.#lines.delete(line);
    line.client.destroy();
    line.instance.destroy();
  }
}
