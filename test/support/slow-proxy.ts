import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Stands before a server on this machine, and makes it as far away as one on another continent. */
export class SlowProxy {
  readonly #sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {}

  /** @param delay how long each way takes, in milliseconds */
  static async start(port: number, delay: number): Promise<SlowProxy> {
    const server = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        proxy.#sockets.add(from);
        from.setNoDelay();
        // Timers of one length end in the order in which they began.
        from.on('data', (bytes) => setTimeout(() => to.write(bytes), delay));
        from.on('error', () => undefined);
        from.on('close', () => {
          proxy.#sockets.delete(from);
          to.destroy();
        });
      }
    });
    const proxy = new SlowProxy(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.server, 'close');
  }
}
