/** reference 16.2 to 16.4: nothing lost when the line breaks, in every way that a handshake or a message can take. */
import type { WebSocketConnection } from 'nestjs-4d-websocket';
import { ResumingClient } from '../../support/resuming-client.js';
import { startWay, type WayApp } from '../../support/ways/way-app.js';
import { WAYS } from '../../support/ways/ways.js';

describe.each(WAYS)('16.4 resume: $name', (way) => {
  let app: WayApp;
  beforeAll(async () => {
    app = await startWay(way, { '/': { history: { topics: 'room:*' } } });
  });
  afterAll(() => app.close());

  it('what was missed comes in order, once, among messages and replies', async () => {
    let ws!: WebSocketConnection;
    const { url } = app.serve({
      async onOpen(opened) {
        ws = opened;
        await ws.subscribe('room:1');
      },
      async onMessage({ wss }, data) {
        await wss.publish('room:1', data);
        return `stored ${data}`;
      },
    });
    const client = new ResumingClient(url);
    await client.connect({ rejectUnauthorized: false });
    expect((await client.take('topic')).header.slice(3)).toEqual([0]);
    app.own(client.client);
    expect(client.client.socket.extensions !== '').toBe(way.compressed ?? false);
    client.send('a');
    client.send('b');
    const frames = [await client.next(), await client.next(), await client.next(), await client.next()];
    expect(frames.filter(({ header }) => header[0] === 'message').map(({ payload }) => payload)).toEqual([
      'a',
      'b',
    ]);
    expect(frames.filter(({ header }) => header[0] === 'application').map(({ payload }) => payload)).toEqual([
      'stored a',
      'stored b',
    ]);
    const { wss } = ws;
    await client.cut();
    for (const missed of ['c', 'd', 'é'.repeat(3000), 'e']) await wss.publish('room:1', missed);
    await client.connect({ rejectUnauthorized: false });
    app.own(client.client);
    expect((await client.take('topic')).header.slice(3)).toEqual([2, true, 0]);
    for (const missed of ['c', 'd', 'é'.repeat(3000), 'e'])
      expect((await client.take('message')).payload).toBe(missed);
    expect((await client.take('resumed')).header).toEqual(['resumed', ['room:1']]);
    client.send('f');
    expect([(await client.next()).payload, (await client.next()).payload].sort()).toEqual(['f', 'stored f']);
    await wss.forget('room:1');
    await client.take('topic');
    await client.take('resumed');
    await client.cut();
  });
});
