/** A broadcast is compressed once for all who negotiated the same (reference 14.1), and nothing else of the promises changes. */
import {
  ConnectionHandler,
  WebSocketServerRegistry,
  type ServerOptions,
  type WebSocketConnection,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import * as fc from 'fast-check';
import { SharedDeflate } from '../../lib/server/message/shared-deflate.js';
import { closeApps, startApp } from '../support/app.js';
import { CHROMIUM, launchBrowser } from '../support/browser.js';
import { connect } from '../support/client.js';
import { countWrites } from '../support/count-writes.js';
import { COMPRESSION_OFFER, connectRaw, textOf } from '../support/raw-client.js';
import { run } from '../support/process.js';
import { describeWith } from '../support/requirement.js';

afterEach(closeApps);

const LONG = JSON.stringify(
  Array.from({ length: 40 }, (_, index) => ({ id: index, name: `Müller ${index}`, price: index * 7 })),
);

async function serve(options: ServerOptions = {}) {
  const connections: WebSocketConnection[] = [];
  @ConnectionHandler({ path: '/', perMessageDeflate: { serverNoContextTakeover: true }, ...options })
  class Handler {
    onOpen(ws: WebSocketConnection) {
      connections.push(ws);
      void ws.subscribe('topic');
    }
    onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
      return data;
    }
  }
  const testApp = await startApp({ providers: [Handler] });
  const server = testApp.app.get(WebSocketServerRegistry).get('/')!;
  const opened = async (count: number) => {
    while (connections.length < count) await new Promise(setImmediate);
  };
  return { ...testApp, server, connections, opened };
}

/** Counts how often messages are compressed for all. */
function countCompressions(): { count: number } {
  const counted = { count: 0 };
  const original = SharedDeflate.prototype.compress;
  SharedDeflate.prototype.compress = function compress(data) {
    counted.count++;
    return original.call(this, data);
  };
  restore = () => (SharedDeflate.prototype.compress = original);
  return counted;
}
let restore: () => void = () => undefined;
afterEach(() => restore());

it('once for all who negotiated the same, with one write in a turn and the same bytes; short ones as they are', async () => {
  const { server, port, opened, connections } = await serve();
  const clients = await Promise.all(
    Array.from({ length: 5 }, () => connectRaw(port, '/', COMPRESSION_OFFER)),
  );
  await opened(5);
  const writes = connections.map(({ request }) => countWrites(request.raw.socket));
  const compressions = countCompressions();
  server.broadcast(LONG);
  connections[0]!.send('short');
  server.broadcast('short, too');
  void server.publish('topic', Buffer.from(LONG));
  const frames = await Promise.all(
    clients.map(async (client, index) => {
      const taken = [];
      while (taken.length < (index === 0 ? 4 : 3)) taken.push(await client.frame());
      return taken;
    }),
  );
  expect(compressions.count).toBe(2);
  expect(writes.map(({ count }) => count)).toEqual([1, 1, 1, 1, 1]);
  const [first, second] = frames as [(typeof frames)[0], (typeof frames)[0]];
  expect(first.map(({ rsv1, opcode }) => [rsv1, opcode])).toEqual([
    [true, 1],
    [false, 1],
    [false, 1],
    [true, 2],
  ]);
  expect(first.map(textOf)).toEqual([LONG, 'short', 'short, too', LONG]);
  expect(first[0]!.payload.length).toBeLessThan(LONG.length / 3);
  for (const other of frames.slice(1)) expect(other).toEqual(second);
  expect(second[0]).toEqual(first[0]);
  for (const client of clients) client.socket.destroy();
});

it('for clients with other windows, with none, that keep theirs, and of the sub-protocol, each its own way', async () => {
  const { server, wsUrl, opened } = await serve({ perMessageDeflate: { threshold: 100 } });
  const kinds: object[] = [
    { perMessageDeflate: false },
    { perMessageDeflate: true },
    { perMessageDeflate: { serverNoContextTakeover: true } },
    { perMessageDeflate: { serverNoContextTakeover: true }, protocols: ['nestjs-4d-websocket.v1'] },
    { perMessageDeflate: true, protocols: ['nestjs-4d-websocket.v1'] },
    ...[9, 10, 12, 15].map((serverMaxWindowBits) => ({
      perMessageDeflate: { serverNoContextTakeover: true, serverMaxWindowBits },
    })),
  ];
  const clients = await Promise.all([...kinds, ...kinds].map((options) => connect(wsUrl, options)));
  for (const { socket } of clients) if (socket.protocol !== '') socket.send('["positions",[],[]]\n');
  await opened(clients.length);
  const compressions = countCompressions();
  const binary = Buffer.from(LONG.repeat(3));
  server.broadcast(LONG);
  server.broadcast(binary);
  server.broadcast('');
  // One window for each of 15, 9, 10 and 12 bits, and once more for those with header lines.
  expect(compressions.count).toBe(2 * 5);
  for (const client of clients) {
    const isHeaded = client.socket.protocol !== '';
    if (isHeaded) expect(String(await client.next())).toMatch(/^\["hello"/);
    expect(String(await client.next())).toBe(isHeaded ? `\n${LONG}` : LONG);
    const second = await client.next();
    expect(Buffer.from(second as Buffer).subarray(isHeaded ? 1 : 0)).toEqual(binary);
    expect(String(await client.next())).toBe(isHeaded ? '\n' : '');
  }
});

it('what is too long to be compressed while everybody waits goes its own way, in order', async () => {
  const { server, wsUrl, opened } = await serve();
  const client = await connect(wsUrl, { perMessageDeflate: true });
  await opened(1);
  const compressions = countCompressions();
  const long = LONG.repeat(60);
  server.broadcast(LONG);
  server.broadcast(long);
  server.broadcast(LONG);
  expect(await client.take(3)).toEqual([LONG, long, LONG]);
  expect(compressions.count).toBe(2);
  // When that has left, it is shared again.
  for (;;) {
    server.broadcast(LONG);
    expect(await client.next()).toBe(LONG);
    if (compressions.count > 2) break;
  }
});

it('messages keep their order, whatever they are and whoever sends them', async () => {
  const { server, wsUrl, opened, connections } = await serve();
  const kinds = [
    { perMessageDeflate: true },
    { perMessageDeflate: false },
    { perMessageDeflate: { serverMaxWindowBits: 10 } },
  ];
  const clients = await Promise.all(kinds.map((options) => connect(wsUrl, options)));
  await opened(3);
  const message = fc.record({
    how: fc.constantFrom('broadcast', 'publish', 'send', 'blob', 'ping', 'wait'),
    length: fc.constantFrom(0, 1, 1023, 1024, 1025, 5000, 70_000),
  });
  let count = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 20 }), async (messages) => {
      const expected: string[] = [];
      for (const { how, length } of messages) {
        const text = `${++count}:`.padEnd(length, 'abc');
        if (how === 'wait') await new Promise(setImmediate);
        else if (how === 'ping') for (const { socket } of clients) socket.ping();
        else expected.push(text);
        if (how === 'broadcast') server.broadcast(text);
        if (how === 'publish') void server.publish('topic', Buffer.from(text));
        if (how === 'send') for (const ws of connections) ws.send(text);
        if (how === 'blob') server.broadcast(new Blob([text]));
      }
      for (const client of clients) {
        const received = [];
        while (received.length < expected.length) received.push(String(await client.next()));
        expect(received).toEqual(expected);
      }
    }),
    { numRuns: 60 },
  );
});

it('drain, the limit of what is not read, and a close right after hold', async () => {
  const { server, wsUrl, opened, connections } = await serve({ maxBufferedAmount: 200_000 });
  const reads = await connect(wsUrl, { perMessageDeflate: true });
  const deaf = await connect(wsUrl, { perMessageDeflate: true });
  await opened(2);
  deaf.transport.pause();
  const [own, other] = connections as [WebSocketConnection, WebSocketConnection];
  const isDeaf = other.request.raw.socket.remotePort === deaf.transport.localPort;
  const [reader, sleeper] = isDeaf ? [own, other] : [other, own];
  const noise = () => Buffer.from(Array.from({ length: 40_000 }, () => Math.floor(Math.random() * 256)));
  let sent = 0;
  while (sleeper.status === 'Connected') {
    server.broadcast(noise());
    sent++;
    await reader.drain();
  }
  deaf.transport.resume();
  expect((await deaf.closed).code).toBe(1013);
  await reads.take(sent);
  server.broadcast(LONG);
  reader.terminate(4000, 'bye');
  expect(await reads.next()).toBe(LONG);
  expect(await reads.closed).toEqual({ code: 4000, reason: 'bye' });
});

describeWith('Python’s websockets', '/usr/lib/python3/dist-packages/websockets', 'decoded by others', () => {
  it('Python, with windows of its own', async () => {
    const { server, wsUrl, opened } = await serve({ perMessageDeflate: { serverNoContextTakeover: true } });
    const program = `
import asyncio, sys, json
import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory as Deflate
async def main(url):
    seen = []
    async def one(bits):
        async with websockets.connect(url, extensions=[Deflate(server_max_window_bits=bits)] if bits else None) as socket:
            seen.append([await socket.recv(), await socket.recv()])
    await asyncio.gather(*[one(bits) for bits in (None, 9, 11, 15)])
    print(json.dumps(seen))
asyncio.run(main(sys.argv[1]))
`;
    const output = run('/usr/bin/python3', ['-c', program, wsUrl]);
    await opened(4);
    server.broadcast(LONG);
    server.broadcast('short');
    expect(JSON.parse(await output)).toEqual(Array.from({ length: 4 }, () => [LONG, 'short']));
  });
});

describeWith('Chromium', CHROMIUM, 'decoded by a browser', () => {
  it('Chromium', async () => {
    const { server, wsUrl, url, opened } = await serve();
    const browser = await launchBrowser();
    const page = await browser.newPage();
    await page.goto(url);
    const received = page.evaluate(
      (address) =>
        new Promise<unknown>((resolve, reject) => {
          const messages: unknown[] = [];
          const socket = new WebSocket(address);
          socket.onmessage = ({ data }) => {
            if (messages.push(data) === 3) resolve({ messages, extensions: socket.extensions });
          };
          socket.onclose = ({ code }) => reject(new Error(String(code)));
        }),
      wsUrl,
    );
    await opened(1);
    for (const message of [LONG, 'short', LONG]) server.broadcast(message);
    expect(await received).toEqual({
      messages: [LONG, 'short', LONG],
      extensions: expect.stringContaining('server_no_context_takeover') as string,
    });
    await browser.close();
  });
});
