import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** How long a line holds at most, in milliseconds; half of it on average. */
const MOST_LIFE = 1_000;
/** How long nothing comes through a line before both ends notice that it is cut, in milliseconds. */
const SILENCE = 100;

/** A line through the proxy, from a client to an instance. */
interface Line {
  readonly ends: readonly [client: Socket, instance: Socket];
  /** Whether what is said on it is lost. */
  isSilent: boolean;
}

/**
 * Stands before instances, gives each line to one of them by chance, and cuts lines all the time: for a moment what is
 * said on a line is lost, as where a telephone loses its network, then it breaks.
 */
export class CuttingProxy {
  readonly #server: Server;
  readonly #lines = new Set<Line>();
  #cutting = false;
  /** How many lines were cut. */
  cuts = 0;

  private constructor(private readonly ports: readonly number[]) {
    this.#server = createServer((client) => this.#join(client));
  }

  /** @param ports where the instances listen */
  static async start(ports: readonly number[]): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(ports);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on lines are cut, those that are there among them. */
  cut(): void {
    this.#cutting = true;
    for (const line of this.#lines) this.#limit(line);
  }

  /** From now on lines are left alone. */
  rest(): void {
    this.#cutting = false;
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const line of this.#lines) this.#break(line);
    await once(this.#server, 'close');
  }

  #join(client: Socket): void {
    const instance = connect(this.ports[Math.floor(Math.random() * this.ports.length)]!, '127.0.0.1');
    const line: Line = { ends: [client, instance], isSilent: false };
    this.#lines.add(line);
    for (const [from, to] of [
      [client, instance],
      [instance, client],
    ] as const) {
      from.setNoDelay();
      from.on('data', (bytes: Buffer) => line.isSilent || to.write(bytes));
      from.on('error', () => undefined);
      from.on('close', () => this.#break(line));
    }
    if (this.#cutting) this.#limit(line);
  }

  #limit(line: Line): void {
    setTimeout(() => {
      if (!this.#cutting || !this.#lines.has(line)) return;
      this.cuts++;
      line.isSilent = true;
      setTimeout(() => this.#break(line), SILENCE);
    }, Math.random() * MOST_LIFE);
  }

  #break(line: Line): void {
    this.#lines.delete(line);
    for (const end of line.ends) end.destroy();
  }
}
