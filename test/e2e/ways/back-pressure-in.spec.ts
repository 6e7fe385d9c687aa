import { randomBytes } from 'node:crypto';
import type { ServerOptions, WebSocketConnection } from 'nestjs-4d-websocket';
import { deferred } from '../../support/deferred.js';
import { quiet } from '../../support/turns.js';
import { startWay, type Served, type WayApp } from '../../support/ways/way-app.js';
import { WAYS } from '../../support/ways/ways.js';

const COUNT = 500;
/** Text that compression can't shorten by much: the messages are more than all buffers between the two ends hold. */
const FILLER = randomBytes(13_200).toString('base64');

const SERVERS: Record<string, ServerOptions> = {
  '/few': { maxQueuedMessages: 4 },
  '/small': { maxQueuedMessages: 1_000_000, maxQueuedBytes: 5 * FILLER.length },
};

/** The messages as they are written, made once for all ways. */
const written = new Map<boolean, Buffer>();

function allMessages(place: Served, compressed = false): Buffer {
  let bytes = written.get(compressed);
  if (bytes === undefined) {
    bytes = Buffer.concat(Array.from({ length: COUNT }, (_, index) => place.frame(`${index} ${FILLER}`)));
    written.set(compressed, bytes);
  }
  return bytes;
}

describe.each(WAYS)('6.2 back-pressure in: $name', (way) => {
  let app: WayApp;
  beforeAll(async () => {
    app = await startWay(way, SERVERS);
  });
  afterAll(() => app.close());

  it.each([
    ['maxQueuedMessages', '/few'],
    ['maxQueuedBytes', '/small'],
  ])(
    'past %s the client is pushed back; all is served, one at a time and in order',
    async (_option, path) => {
      const [gate, opened] = [deferred<void>(), deferred<WebSocketConnection>()];
      const served: string[] = [];
      let running = 0;
      let most = 0;
      const place = app.serve(
        {
          onOpen: opened.resolve,
          async onMessage(_ws, data) {
            most = Math.max(most, ++running);
            await gate.promise;
            served.push(data.slice(0, data.indexOf(' ')));
            running--;
            return served.length === COUNT ? 'done' : undefined;
          },
        },
        path,
      );
      const client = await place.connectRaw();
      const { socket } = (await opened.promise).request.raw;
      const before = socket.bytesRead;
      client.write(allMessages(place, way.compressed));
      await quiet(() => `${socket.bytesRead} ${most}`, way.compressed ? 100 : 0);
      const [taken, waiting] = [socket.bytesRead - before, client.socket.writableLength];
      gate.resolve();
      expect(await place.take(client, 1)).toEqual(['done']);
      expect(served).toEqual(Array.from({ length: COUNT }, (_, index) => String(index)));
      expect(most).toBe(1);
      expect(taken).toBeLessThan(300_000);
      expect(waiting).toBeGreaterThan(1_000_000);
      client.socket.destroy();
    },
  );
});
