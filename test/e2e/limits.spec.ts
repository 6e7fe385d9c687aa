import { Injectable, UseGuards, type ExecutionContext } from '@nestjs/common';
import {
  ConnectionHandler,
  WebSocketServerRegistry,
  WSSHandler,
  type ConnectionOf,
  type HandlerOf,
  type ServerOptions,
  type WebSocketConnection,
  type WSErrorEvent,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { FourDWebSocket } from 'nestjs-4d-websocket/client';
import { defineContract } from 'nestjs-4d-websocket/contract';
import * as v from 'valibot';
import { closeApps, startApp } from '../support/app.js';
import { connect, connectRefused } from '../support/client.js';
import { heardOn, stopHearing } from '../support/diagnostics.js';
import { clientFrame, handshakeHead, openSocket } from '../support/raw-client.js';
import { Recorder } from '../support/recorder.js';

afterEach(async () => {
  await closeApps();
  stopHearing();
});

/** What a server was asked for, in order; and what its messages were. */
async function serve(options: ServerOptions, hook: (data: string) => unknown = (data) => data) {
  const events = new Recorder();
  @Injectable()
  class Guard {
    canActivate(_context: ExecutionContext) {
      events.push('guard');
      return true;
    }
  }
  const handler = {
    onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
      events.push('message', data, performance.now());
      return hook(data);
    },
    onError: (_ws: WebSocketConnection, event: WSErrorEvent) => events.push('error', event.errors[0]),
    onTerminate: () => events.push('terminate'),
  };
  @WSSHandler({ path: '/', ...options })
  class Server {
    @UseGuards(Guard)
    onConnection() {
      events.push('connection');
      return handler;
    }
  }
  const testApp = await startApp({ providers: [Server, Guard] });
  return { ...testApp, events, server: testApp.app.get(WebSocketServerRegistry).get(Server)! };
}

describe('19.1 handshakeRate', () => {
  it('of a server: 503 with Retry-After, and nobody is asked', async () => {
    const asked: string[] = [];
    const { wsUrl, events } = await serve({
      handshakeRate: { limit: 2, window: 60_000 },
      allowedOrigins: () => {
        asked.push('origin');
        return true;
      },
      handshake: {
        use: [
          (_request, _response, next) => {
            asked.push('middleware');
            next();
          },
        ],
      },
    });
    const limits = heardOn('nestjs-4d-websocket:limit');
    const origin = 'https://example.com';
    await connect(wsUrl, { origin });
    await connect(wsUrl, { origin });
    const refused = await connectRefused(wsUrl, { origin });
    expect(refused).toMatchObject({
      status: 503,
      json: { statusCode: 503, message: 'Too many handshakes at once' },
    });
    expect(refused.headers['retry-after']).toMatch(/^\d+$/);
    const retryAfter = Number(refused.headers['retry-after']);
    expect(retryAfter).toBeGreaterThan(30);
    expect(retryAfter).toBeLessThanOrEqual(90);
    // Who is refused later is to come later.
    const later = (await connectRefused(wsUrl, { origin })).headers['retry-after'];
    expect(Number(later)).toBeGreaterThanOrEqual(retryAfter + 29);
    expect(events.order).toEqual(['guard', 'connection', 'guard', 'connection']);
    expect(asked).toEqual(['origin', 'middleware', 'origin', 'middleware']);
    expect(limits.map(({ limit, connection }) => [limit, connection])).toEqual([
      ['handshakeRate', undefined],
      ['handshakeRate', undefined],
    ]);
  });

  it('of an address: 429; others do not notice', async () => {
    const { port, wsUrl } = await serve({ handshakeRate: { limit: 1, window: 60_000, by: 'address' } });
    await connect(wsUrl);
    const refused = await connectRefused(wsUrl);
    expect(refused).toMatchObject({
      status: 429,
      json: { message: 'Too many handshakes from this address' },
    });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(60);
    await connect(`ws://127.0.0.1:${port}`, { localAddress: '127.0.0.2' });
  });

  it.each<[string, ServerOptions['trustProxy'], number]>([
    ['what a header claims is not believed', undefined, 429],
    ['but of a proxy that is trusted', 'loopback', 101],
  ])('of an address: %s', async (_what, trustProxy, status) => {
    const { wsUrl } = await serve({
      trustProxy,
      handshakeRate: { limit: 1, window: 60_000, by: 'address' },
    });
    await connect(wsUrl, { headers: { 'X-Forwarded-For': '192.0.2.1' } });
    const second = { headers: { 'X-Forwarded-For': '192.0.2.2' } };
    if (status === 101) await connect(wsUrl, second);
    else expect((await connectRefused(wsUrl, second)).status).toBe(status);
  });

  it.each(['server', 'address'] as const)(
    'several at once, the %s first: what an address may not have is not taken from what all have',
    async (first) => {
      const limits = [
        { limit: 1, window: 60_000, by: 'address' },
        { limit: 2, window: 60_000, by: 'server' },
      ] as const;
      const { port } = await serve({ handshakeRate: first === 'address' ? limits : limits.toReversed() });
      const from = (localAddress: string) => [`ws://127.0.0.1:${port}`, { localAddress }] as const;
      await connect(...from('127.0.0.1'));
      for (let index = 0; index < 5; index++)
        expect((await connectRefused(...from('127.0.0.1'))).status).toBe(429);
      await connect(...from('127.0.0.2'));
      expect((await connectRefused(...from('127.0.0.3'))).status).toBe(503);
    },
  );

  it('of the module does not hold where a server says false', async () => {
    @ConnectionHandler({ path: '/', handshakeRate: false })
    class Free {
      onMessage() {}
    }
    const { wsUrl } = await startApp({
      providers: [Free],
      options: { handshakeRate: { limit: 1, window: 60_000 } },
    });
    for (let index = 0; index < 3; index++) await connect(wsUrl);
  });

  it.each([{ platform: 'fastify' as const }, {}])(
    'our client comes again when it was told to: %j',
    async (how) => {
      @ConnectionHandler({ path: '/', handshakeRate: { limit: 1, window: 500 } })
      class Handler {
        onMessage() {}
      }
      const { wsUrl } = await startApp({ ...how, providers: [Handler] });
      await connect(wsUrl);
      const events = new Recorder();
      const began = performance.now();
      const ws = new FourDWebSocket(
        wsUrl,
        {
          onDisconnect: (_ws, { code, delay }) => events.push('disconnect', code, delay),
          onOpen: () => events.push('open'),
          onMessage: () => undefined,
        },
        { reconnect: { minDelay: 1, maxDelay: 1 } },
      );
      const [code, delay] = await events.next('disconnect');
      expect(code).toBe(4503);
      expect(delay).toBeGreaterThanOrEqual(1000);
      await events.next('open');
      expect(performance.now() - began).toBeGreaterThanOrEqual(1000);
      ws.terminate();
    },
  );
});

describe('19.2 messageRate', () => {
  it.each([
    ['uncompressed', {}],
    ['compressed', { perMessageDeflate: { threshold: 0 } }],
  ])("'pause' serves all, in order, no faster than it may: %s", async (_how, options) => {
    const { wsUrl, events } = await serve({ messageRate: { limit: 5, window: 100 }, ...options });
    const client = await connect(wsUrl);
    const messages = Array.from({ length: 22 }, (_, index) => String(index));
    for (const message of messages) client.send(message);
    expect(await client.take(22)).toEqual(messages);
    const times = await Promise.all(messages.map(async () => (await events.next('message'))[1] as number));
    // The fifth window begins 400 ms after the first.
    expect(times.at(-1)! - times[0]!).toBeGreaterThanOrEqual(395);
    for (const time of times) {
      expect(times.filter((other) => other >= time && other < time + 95).length).toBeLessThanOrEqual(10);
    }
    expect(events.order).not.toContain('error');
    client.send('still there');
    expect(await client.next()).toBe('still there');
  });

  it("'pause' stops reading: TCP pushes back", async () => {
    const { port, events, server } = await serve({ messageRate: { limit: 1, window: 500 } }, () => undefined);
    const client = await openSocket(port);
    client.write(handshakeHead('/'));
    await client.head();
    const frame = clientFrame(1, 'x'.repeat(60_000));
    // Far more than what socket buffers hold.
    let accepted = 0;
    let blocked = false;
    while (!blocked && accepted < 2000) {
      blocked = !client.socket.write(frame);
      accepted++;
      if (blocked)
        await Promise.race([events.next('message'), new Promise((r) => client.socket.once('drain', r))]);
    }
    await events.next('message');
    const [connection] = [...server.connections];
    expect(connection!.queuedMessages).toBeLessThan(10);
    client.socket.destroy();
  });

  it('counts bytes, after decompression; one message alone may be longer', async () => {
    const { wsUrl, events } = await serve({
      perMessageDeflate: { threshold: 0 },
      messageRate: { limit: 1000, window: 200, bytes: 10_000 },
    });
    const client = await connect(wsUrl);
    client.send('x'.repeat(50_000));
    client.send('y'.repeat(5_000));
    client.send('z'.repeat(5_000));
    client.send('last');
    await client.take(4);
    const times = [];
    for (let index = 0; index < 4; index++) times.push((await events.next('message'))[1] as number);
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(190);
    expect(times[2]! - times[1]!).toBeLessThan(150);
    expect(times[3]! - times[2]!).toBeGreaterThanOrEqual(150);
  });

  it("'drop' throws away what is too much, and says so once a window", async () => {
    const { wsUrl, events } = await serve({ messageRate: { limit: 2, window: 60_000, exceeded: 'drop' } });
    const limits = heardOn('nestjs-4d-websocket:limit');
    const client = await connect(wsUrl);
    for (let index = 0; index < 10; index++) client.send(String(index));
    expect(await client.take(2)).toEqual(['0', '1']);
    await client.close();
    await events.next('terminate');
    expect(events.order).toEqual(['guard', 'connection', 'message', 'message', 'error', 'terminate']);
    expect(await events.next('error')).toEqual([
      expect.objectContaining({
        errCode: 1008,
        componentSignature: 'wsck',
        message: 'The client sent more than messageRate allows: 2 messages in 60000 ms',
      }),
    ]);
    expect(limits).toHaveLength(8);
  });

  it("'close' closes with 1008, and serves nothing more", async () => {
    const { wsUrl, events } = await serve({ messageRate: { limit: 2, window: 60_000, exceeded: 'close' } });
    const client = await connect(wsUrl);
    for (let index = 0; index < 10; index++) client.send(String(index));
    expect((await client.closed).code).toBe(1008);
    await events.next('terminate');
    expect(events.order).toEqual(['guard', 'connection', 'message', 'message', 'error', 'terminate']);
  });

  it('what is held is served at once when the client is gone, is closed, or the server closes', async () => {
    const { wsUrl, events, app, server } = await serve({ messageRate: { limit: 1, window: 60_000 } });
    for (const end of ['client', 'terminate', 'server']) {
      const client = await connect(wsUrl);
      client.send('one');
      client.send('two');
      client.send('three');
      await events.next('message');
      if (end === 'client') client.transport.destroy();
      else if (end === 'terminate') server.connections.at(0)!.terminate(4000);
      else void app.close();
      await events.next('message');
      await events.next('message');
      await events.next('terminate');
    }
  });

  it('of a contract: held in order; an answer that a hook awaits is not', async () => {
    const contract = defineContract({
      receives: { say: v.string() },
      calls: { ask: { request: v.string(), response: v.string() } },
      asks: { really: { request: v.string(), response: v.boolean() } },
    });
    const said: string[] = [];
    @ConnectionHandler({
      path: '/',
      contract,
      dataType: 'object',
      messageRate: { limit: 2, window: 300 },
    })
    class Handler implements HandlerOf<typeof contract> {
      say(_ws: unknown, text: string) {
        said.push(text);
      }
      async ask(ws: ConnectionOf<typeof contract>, text: string) {
        return `${text} ${await ws.call(contract.really(text))}`;
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler] });
    const ws = new FourDWebSocket(wsUrl, { really: () => true }, { contract });
    const began = performance.now();
    expect(await ws.call(contract.ask('sure?'))).toBe('sure? true');
    expect(performance.now() - began).toBeLessThan(290);
    for (const text of ['a', 'b', 'c', 'd']) ws.send(contract.say(text));
    expect(await ws.call(contract.ask('again?'))).toBe('again? true');
    expect(said).toEqual(['a', 'b', 'c', 'd']);
    expect(performance.now() - began).toBeGreaterThanOrEqual(590);
    ws.terminate();
  });
});

describe('19.3 shutdownSpread', () => {
  it('closes connections evenly over that time, and serves those that are left', async () => {
    const { wsUrl, app } = await serve({ shutdownSpread: 400, shutdownTimeout: 5000 });
    const clients = await Promise.all(Array.from({ length: 40 }, () => connect(wsUrl)));
    const began = performance.now();
    const times = clients.map(async ({ closed }) => {
      expect((await closed).code).toBe(1001);
      return performance.now() - began;
    });
    const closing = app.close();
    clients.at(-1)!.send('still served');
    expect(await clients.at(-1)!.next()).toBe('still served');
    expect((await connectRefused(wsUrl)).status).toBe(503);
    await closing;
    const all = (await Promise.all(times)).sort((one, other) => one - other);
    for (const [index, time] of all.entries()) expect(time).toBeGreaterThanOrEqual((index / 40) * 400 - 25);
    expect(all.at(-1)).toBeGreaterThanOrEqual(360);
  });

  it('ends early when all are gone', async () => {
    const { wsUrl, app } = await serve({ shutdownSpread: 50_000, shutdownTimeout: 60_000 });
    const client = await connect(wsUrl);
    const other = await connect(wsUrl);
    const closing = app.close();
    await Promise.race([client.closed, other.closed]);
    client.socket.terminate();
    other.socket.terminate();
    await closing;
  });
});

describe('19.4 maxTopics', () => {
  it('of a connection: a topic more is a RangeError, one that it has is not', async () => {
    const { wsUrl, server } = await serve({ maxTopics: 2 });
    await connect(wsUrl);
    const limits = heardOn('nestjs-4d-websocket:limit');
    const [ws] = [...server.connections] as [WebSocketConnection];
    void ws.subscribe('a');
    void ws.subscribe('b');
    void ws.subscribe('a');
    expect(() => ws.subscribe('c')).toThrow(
      new RangeError(
        'WebSocketConnection.subscribe(): the connection has 2 topics, as many as maxTopics allows',
      ),
    );
    expect([...ws.topics]).toEqual(['a', 'b']);
    expect(limits).toEqual([{ server, connection: ws, limit: 'maxTopics' }]);
    ws.unsubscribe('a');
    void ws.subscribe('c');
    expect([...ws.topics]).toEqual(['b', 'c']);
  });
});
