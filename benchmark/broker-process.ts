import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';

export type BrokerName = 'redis' | 'nats';

const PROGRAMS: Record<BrokerName, { path: string; args(port: number): string[]; variable: string }> = {
  redis: {
    path: '/usr/bin/redis-server',
    args: (port) => ['--port', String(port), '--bind', '127.0.0.1', '--save', ''],
    variable: 'REDIS_PORT',
  },
  nats: {
    path: '/usr/sbin/nats-server',
    args: (port) => ['-a', '127.0.0.1', '-p', String(port)],
    variable: 'NATS_PORT',
  },
};

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const connected = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
  });
  socket.destroy();
  return connected;
}

/** The broker of a measurement, in a process of its own. */
export class BrokerProcess {
  private constructor(
    private readonly child: ChildProcess,
    /** What tells the contenders where it is. */
    readonly env: NodeJS.ProcessEnv,
  ) {}

  static isInstalled(name: BrokerName): boolean {
    return existsSync(PROGRAMS[name].path);
  }

  static async start(name: BrokerName): Promise<BrokerProcess> {
    const { path, args, variable } = PROGRAMS[name];
    const port = await freePort();
    const child = spawn(path, args(port), { stdio: 'ignore' });
    while (!(await listens(port))) {
      if (child.exitCode !== null) throw new Error(`${path} ended with ${child.exitCode}`);
    }
    return new BrokerProcess(child, { [variable]: String(port) });
  }

  async stop(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }
}
