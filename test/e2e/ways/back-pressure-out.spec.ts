import { randomBytes } from 'node:crypto';
import type { ServerOptions, WebSocketConnection, WSErrorEvent, WSTerminateEvent } from 'nestjs-4d-websocket';
import { countWrites } from '../../support/count-writes.js';
import { deferred } from '../../support/deferred.js';
import { Recorder } from '../../support/recorder.js';
import { startWay, type WayApp } from '../../support/ways/way-app.js';
import { WAYS } from '../../support/ways/ways.js';

const MAX_BUFFERED = 1_000_000;
/** Texts that compression can't shorten by much. */
const TEXT = randomBytes(150_000).toString('base64');
const LONG_TEXT = randomBytes(3 * MAX_BUFFERED).toString('base64');

const SERVERS: Record<string, ServerOptions> = {
  '/': {},
  '/lazy': { maxBufferedAmount: MAX_BUFFERED, closeTimeout: 50 },
};

describe.each(WAYS)('6.3, 6.4 back-pressure out: $name', (way) => {
  let app: WayApp;
  beforeAll(async () => {
    app = await startWay(way, SERVERS);
  });
  afterAll(() => app.close());

  it('6.3 the sends of one turn arrive in order, and without compression in one piece', async () => {
    const opened = deferred<WebSocketConnection>();
    const texts = Array.from({ length: 20 }, (_, index) => `message ${index}`);
    const place = app.serve({
      onOpen: opened.resolve,
      onMessage: (ws) => texts.forEach((text) => ws.send(text)),
    });
    const client = await place.connectRaw();
    const writes = countWrites((await opened.promise).request.raw.socket);
    const chunks = client.chunks.length;
    client.write(place.frame('x'));
    expect(await place.take(client, texts.length)).toEqual(texts);
    if (!way.compressed) {
      expect(client.chunks.length - chunks).toBe(1);
      expect(writes.count).toBe(1);
    }
    client.socket.destroy();
  });

  it('6.4 a client that does not read is closed past maxBufferedAmount; others do not notice', async () => {
    const events = new Recorder();
    const place = app.serve(
      {
        onMessage: (_ws, data) => (data === 'ping' ? 'pong' : TEXT),
        onError: (_ws, event: WSErrorEvent) => events.push('error', event.errors[0]),
        onTerminate: (_ws, { code }: WSTerminateEvent) => events.push('terminate', code),
      },
      '/lazy',
    );
    const other = await place.connect();
    const lazy = await place.connectRaw();
    lazy.socket.pause();
    const terminated = events.next('terminate');
    let ended = false;
    void terminated.then(() => (ended = true));
    // Far more than the system's own buffers hold.
    for (let sent = 0; !ended && sent < 300; sent++) {
      lazy.write(place.frame('more'));
      other.send('ping');
      expect(await other.next()).toBe('pong');
    }
    expect(await terminated).toEqual([1006]);
    expect(await events.next('error')).toEqual([
      expect.objectContaining({ errCode: 1013, componentSignature: 'wsck' }),
    ]);
    expect(events.order).toEqual(['error', 'terminate']);
    other.send('ping');
    expect(await other.next()).toBe('pong');
    await other.close();
    lazy.socket.destroy();
  });

  it('6.4 one message may be longer than maxBufferedAmount, for a client that reads', async () => {
    const errors: unknown[] = [];
    const place = app.serve(
      {
        onMessage: (_ws, data) => (data === 'long' ? LONG_TEXT : data),
        onError: (_ws, event: WSErrorEvent) => errors.push(event.errors[0]),
      },
      '/lazy',
    );
    const client = await place.connect();
    client.send('long');
    expect((await client.next()) === LONG_TEXT).toBe(true);
    client.send('next');
    expect(await client.next()).toBe('next');
    expect(errors).toEqual([]);
    await client.close();
  });
});
