import {
  WSSHandler,
  type ServerOptions,
  type WebSocketServer,
  type WSConnectionEvent,
} from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { handshakeHead, handshakeStatus, openSocket } from '../support/raw-client.js';

afterEach(closeApps);

/** An application with a server for each path; `params` are those of the last handshake. */
async function serve(...paths: string[]) {
  const served: { path: string | undefined; params: unknown }[] = [];
  const serverAt = (path: string) => {
    class Server {
      onConnection(wss: WebSocketServer, { request }: WSConnectionEvent) {
        served.push({ path: wss.path, params: { ...request.params } });
        return { onMessage: () => undefined };
      }
    }
    WSSHandler({ path } satisfies ServerOptions)(Server);
    return Server;
  };
  const { port } = await startApp({ providers: paths.map(serverAt) });
  const status = (path: string) => handshakeStatus(port, path);
  return { port, status, served };
}

describe('1.7 paths', () => {
  it('compare with or without one trailing slash, and otherwise exactly', async () => {
    const { status } = await serve('/a', '/rooms/:id');
    const statuses = [];
    for (const path of [
      ...['/a', '/a/', '/a?x=1', '/a/?x=1', '//a', '/a//', '//a//', '/A', '/a/b', '/'],
      ...['/rooms/1', '/rooms/1/', '//rooms/1', '/rooms//1', '/rooms/1//'],
    ]) {
      statuses.push([path, await status(path)]);
    }
    expect(statuses).toEqual([
      ['/a', 101],
      ['/a/', 101],
      ['/a?x=1', 101],
      ['/a/?x=1', 101],
      ['//a', 404],
      ['/a//', 404],
      ['//a//', 404],
      ['/A', 404],
      ['/a/b', 404],
      ['/', 404],
      ['/rooms/1', 101],
      ['/rooms/1/', 101],
      ['//rooms/1', 404],
      ['/rooms//1', 404],
      ['/rooms/1//', 404],
    ]);
  });

  it.each([
    ['slashes', '/'.repeat(15_900)],
    ['slashes behind a path', `/a${'/'.repeat(15_800)}b`],
    ['segments', '/rooms'.repeat(2_600)],
    ['encoded slashes', `/rooms/${'%2F'.repeat(5_200)}x/y`],
  ])('are found in time proportional to their length: %s', async (_what, path) => {
    const { port } = await serve('/a', '/:first', '/rooms/:id');
    let best = Infinity;
    for (let round = 0; round < 5; round++) {
      const client = await openSocket(port);
      const started = process.hrtime.bigint();
      client.write(handshakeHead(path));
      const head = await client.head();
      best = Math.min(best, Number(process.hrtime.bigint() - started) / 1e6);
      expect(head).toMatch(/^HTTP\/1.1 404 /);
      client.socket.destroy();
    }
    expect(best).toBeLessThan(30);
  });

  it.each(['/café', '/caf%C3%A9'])(
    'beyond ASCII: %s is asked for percent-encoded, in either case',
    async (path) => {
      const { status } = await serve(path);
      expect(await status('/caf%C3%A9')).toBe(101);
      expect(await status('/caf%c3%a9')).toBe(101);
      expect(await status('/caf%C3%A9/?x=%ff')).toBe(101);
      expect(await status('/cafe')).toBe(404);
    },
  );

  it.each(['/räume/:id', '/r%C3%A4ume/:id'])('beyond ASCII, as a pattern: %s', async (path) => {
    const { status, served } = await serve(path);
    expect(await status('/r%C3%A4ume/1')).toBe(101);
    expect(await status('/r%c3%a4ume/caf%C3%A9')).toBe(101);
    expect(served.map(({ params }) => params)).toEqual([{ id: '1' }, { id: 'café' }]);
  });

  it('an encoded slash is none of the path; a parameter has it decoded', async () => {
    const { status, served } = await serve('/a/b', '/rooms/:id');
    expect(await status('/a%2Fb')).toBe(404);
    expect(await status('/a%2fb')).toBe(404);
    expect(await status('/rooms/x%2Fy')).toBe(101);
    expect(served).toEqual([{ path: '/rooms/:id', params: { id: 'x/y' } }]);
  });

  it('an encoded character is the character itself', async () => {
    const { status } = await serve('/a');
    expect(await status('/%61')).toBe(101);
    expect(await status('/%2561')).toBe(404);
  });

  it('malformed percent-encoding is a 400', async () => {
    const { status } = await serve('/a', '/rooms/:id');
    for (const path of ['/%', '/a%', '/%zz', '/rooms/%ff', '/rooms/%C3', '/%E0%A4%A']) {
      expect([path, await status(path)]).toEqual([path, 400]);
    }
  });
});
