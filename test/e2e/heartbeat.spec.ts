/** Reference 8: the heartbeat. */
import { type WSErrorEvent } from 'nestjs-4d-websocket';
import { closeApps } from '../support/app.js';
import { serveConnections } from '../support/connection-app.js';
import { deferred } from '../support/deferred.js';
import { until } from '../support/patience.js';
import { clientFrame, connectRaw } from '../support/raw-client.js';

afterEach(closeApps);

describe('8 heartbeat', () => {
  it('a client that answers pings, or talks, stays; one that does neither is gone with 1006', async () => {
    const { port, events, nextConnection, server } = await serveConnections({
      heartbeat: { interval: 60, timeout: 60 },
    });
    const answers = await connectRaw(port);
    const answering = await nextConnection();
    const talks = await connectRaw(port);
    await nextConnection();
    const silent = await connectRaw(port);
    await nextConnection();
    const pings: number[] = [];
    void (async () => {
      for (;;) {
        const { opcode } = await answers.frame();
        pings.push(opcode);
        answers.write(clientFrame(10));
      }
    })().catch(() => undefined);
    const talking = setInterval(() => talks.write(clientFrame(1, 'x')), 20);
    const [event] = (await events.next('error')) as [WSErrorEvent];
    expect(event.errors[0]).toMatchObject({ errCode: 1006, componentSignature: 'wsck' });
    expect(event.errors[0].message).toMatch(/heartbeat missed/);
    expect((await events.next('terminate'))[0]).toMatchObject({ code: 1006 });
    await silent.closed;
    while (pings.length < 3) await new Promise(setImmediate);
    clearInterval(talking);
    expect(new Set(pings)).toEqual(new Set([9]));
    expect(answering.status).toBe('Connected');
    expect(server.connections.length).toBe(2);
    // Who talks is not pinged.
    expect(talks.chunks.slice(1)).toEqual([]);
    for (const { socket } of [answers, talks]) socket.destroy();
  });

  it('a client that the server itself does not read from is not given up', async () => {
    const gate = deferred<void>();
    const { port, nextConnection } = await serveConnections(
      { heartbeat: { interval: 20, timeout: 20 }, maxQueuedMessages: 1 },
      async (ws, data: string) => {
        await gate.promise;
        ws.send(data);
      },
    );
    const client = await connectRaw(port);
    const ws = await nextConnection();
    for (let index = 0; index < 4; index++) client.write(clientFrame(1, String(index)));
    // Long enough for several rounds of the heartbeat.
    const rounds = setInterval(() => undefined, 5);
    for (let elapsed = performance.now(); performance.now() - elapsed < 200;) await new Promise(setImmediate);
    clearInterval(rounds);
    expect(ws.status).toBe('Connected');
    gate.resolve();
    const echoed: string[] = [];
    while (echoed.length < 4) {
      const { opcode, payload } = await client.frame();
      if (opcode === 1) echoed.push(payload.toString());
      else client.write(clientFrame(10));
    }
    expect(echoed).toEqual(['0', '1', '2', '3']);
    client.socket.destroy();
  });

  it.each(['resets', 'ends'])(
    'a client that the server does not read from, whose handler never settles, leaves when its socket %s',
    async (how) => {
      const { port, server, nextConnection } = await serveConnections(
        { heartbeat: { interval: 50, timeout: 50 }, maxQueuedMessages: 1, shutdownTimeout: 100 },
        () => new Promise(() => undefined),
      );
      const client = await connectRaw(port);
      const ws = await nextConnection();
      for (let index = 0; index < 10; index++) client.write(clientFrame(1, 'x'.repeat(50_000)));
      await until(() => ws.request.raw.socket.isPaused());
      if (how === 'resets') client.socket.resetAndDestroy();
      else client.socket.destroy();
      await until(() => server.connections.length === 0, 3000);
      expect(ws.status).toBe('Closed');
    },
  );

  it('false turns it off', async () => {
    const { port } = await serveConnections({ heartbeat: false });
    const client = await connectRaw(port);
    for (let started = performance.now(); performance.now() - started < 100;) await new Promise(setImmediate);
    expect(client.chunks).toHaveLength(1);
    client.socket.destroy();
  });
});
