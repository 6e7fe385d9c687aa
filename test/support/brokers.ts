import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { TestProcess } from './process.js';

export const REDIS = '/usr/bin/redis-server';
export const NATS = '/usr/sbin/nats-server';

/** Arguments of a Redis that has on its disk whatever it acknowledged. */
export const ON_DISK = ['--appendonly', 'yes', '--appendfsync', 'always'];

/** Waits until somebody listens on a port of the loopback interface. */
export async function listens(port: number): Promise<void> {
  for (;;) {
    const socket = connectTcp(port, '127.0.0.1');
    const connected = await Promise.race([
      once(socket, 'connect').then(() => true),
      new Promise<false>((resolve) => socket.once('error', () => resolve(false))),
    ]);
    socket.destroy();
    if (connected) return;
  }
}

/** A broker of a test's own, on a port where it can be started again. */
export class Broker {
  #process: TestProcess | undefined;

  private constructor(
    readonly port: number,
    private readonly command: string,
    private readonly args: readonly string[],
    private readonly folder: string,
    private readonly readyPort: number,
    /** Where NATS tells about itself. */
    readonly monitor: number,
  ) {}

  /** A Redis without persistence. */
  static async redis(...args: string[]): Promise<Broker> {
    const port = await freePort();
    const folder = await mkdtemp(join(tmpdir(), 'redis-'));
    const usual = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
    const broker = new Broker(port, REDIS, [...usual, ...args], folder, port, 0);
    await broker.start();
    return broker;
  }

  /** A Redis that listens for TLS only. */
  static async redisWithTls(key: string, cert: string): Promise<Broker> {
    const port = await freePort();
    const folder = await mkdtemp(join(tmpdir(), 'redis-'));
    const args = [
      ...['--port', '0', '--tls-port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder],
      ...[
        '--tls-key-file',
        key,
        '--tls-cert-file',
        cert,
        '--tls-ca-cert-file',
        cert,
        '--tls-auth-clients',
        'no',
      ],
    ];
    const broker = new Broker(port, REDIS, args, folder, port, 0);
    await broker.start();
    return broker;
  }

  /** One of those who watch over a primary, and promote a replica of it when two of them miss it. */
  static async sentinel(primary: number): Promise<Broker> {
    const port = await freePort();
    const folder = await mkdtemp(join(tmpdir(), 'sentinel-'));
    const file = join(folder, 'sentinel.conf');
    const settings = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `sentinel monitor main 127.0.0.1 ${primary} 2`,
      'sentinel down-after-milliseconds main 500',
      'sentinel failover-timeout main 1000',
    ];
    await writeFile(file, settings.join('\n'));
    const broker = new Broker(port, REDIS, [file, '--sentinel'], folder, port, 0);
    await broker.start();
    return broker;
  }

  static async nats(...args: string[]): Promise<Broker> {
    const [port, monitor] = [await freePort(), await freePort()];
    const folder = await mkdtemp(join(tmpdir(), 'nats-'));
    const usual = ['-a', '127.0.0.1', '-p', String(port), '-m', String(monitor)];
    const broker = new Broker(port, NATS, [...usual, ...args], folder, port, monitor);
    await broker.start();
    return broker;
  }

  /** Servers of one cluster of NATS, each with its JetStream. They are called `server-0`, `server-1` and so on. */
  static async natsCluster(count = 3): Promise<Broker[]> {
    const routes: string[] = [];
    for (let index = 0; index < count; index++) routes.push(`nats://127.0.0.1:${await freePort()}`);
    return Promise.all(
      routes.map((route, index) =>
        Broker.natsWithJetStream(
          ...['--server_name', `server-${index}`, '--cluster_name', 'test'],
          ...['--cluster', route, '--routes', routes.join(',')],
        ),
      ),
    );
  }

  /** A NATS that keeps streams in its folder. */
  static async natsWithJetStream(...args: string[]): Promise<Broker> {
    const store = await mkdtemp(join(tmpdir(), 'jetstream-'));
    return Broker.nats('-js', '-sd', store, ...args);
  }

  async start(): Promise<void> {
    this.#process = new TestProcess(this.command, this.args);
    await Promise.race([
      listens(this.readyPort),
      this.#process.exited.then((code) => {
        throw new Error(`${this.command} ended with ${code}: ${this.#process!.output}`);
      }),
    ]);
  }

  get pid(): number {
    return this.#process!.pid;
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    await this.#process?.stop('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}
