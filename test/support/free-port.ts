import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

/** The ports that were given: whoever got one may not listen on it yet. */
const given = new Set<number>();

/** A port of the loopback interface that nobody listens on, and that nobody else in this process was given. */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    if (given.has(port)) continue;
    given.add(port);
    return port;
  }
}
