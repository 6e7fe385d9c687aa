/**
 * What a raw client sees of our server and of a plain `ws` server is the same: ping and pong, fragments, the closing
 * handshake both ways, and every violation.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer as createHttpServer } from 'node:http';
import { WebSocketServer as PlainServer, type ServerOptions } from 'ws';
import { ConnectionHandler, type WebSocketConnection, type WSMessageEvent } from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { clientFrame, connectRaw, parseFrames } from '../support/raw-client.js';

let ours: number;
let theirs: number;
let plain: PlainServer;

@ConnectionHandler({ path: '/', dataType: 'blob', maxPayload: 1000, closeTimeout: 100 })
class Echo {
  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<Buffer>) {
    if (data.toString() === 'terminate') ws.terminate(4321, 'as you wish');
    else ws.send(data);
  }
}

beforeAll(async () => {
  ours = (await startApp({ providers: [Echo] })).port;
  const httpServer = createHttpServer();
  const options: ServerOptions & { closeTimeout: number } = {
    server: httpServer,
    maxPayload: 1000,
    closeTimeout: 100,
  };
  plain = new PlainServer(options);
  plain.on('connection', (socket) => {
    socket.on('error', () => undefined);
    socket.on('message', (data: Buffer) => {
      if (data.toString() === 'terminate') socket.close(4321, 'as you wish');
      else socket.send(data, { binary: true });
    });
  });
  httpServer.listen(0);
  await once(httpServer, 'listening');
  theirs = (httpServer.address() as AddressInfo).port;
});
afterAll(async () => {
  for (const client of plain.clients) client.terminate();
  await closeApps();
  (plain.options.server as import('node:http').Server).close();
});

const close = (code: number, reason = '') =>
  clientFrame(8, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]));
const mask = Buffer.from([1, 2, 3, 4]);

/** What the server answers to a stream that ends with a closing handshake or a violation. */
async function play(port: number, stream: Buffer): Promise<{ frames: string[]; rest: number }> {
  const client = await connectRaw(port);
  const before = Buffer.concat(client.chunks).length;
  client.socket.write(stream);
  await client.closed;
  const { frames, rest } = parseFrames(Buffer.concat(client.chunks).subarray(before));
  return {
    frames: frames.map(
      ({ opcode, fin, payload }) => `${opcode}${fin ? '' : ' (not final)'} ${payload.toString('hex')}`,
    ),
    rest: rest.length,
  };
}

it.each<[string, Buffer]>([
  ['a text message', Buffer.concat([clientFrame(1, 'x', { mask }), close(1000)])],
  ['an empty message', Buffer.concat([clientFrame(2), close(1000)])],
  ['a ping with a payload', Buffer.concat([clientFrame(9, 'ping me', { mask }), close(1000)])],
  ['a pong nobody asked for', Buffer.concat([clientFrame(10, 'pong'), close(1000)])],
  [
    'a fragmented message',
    Buffer.concat([
      clientFrame(1, 'fr', { fin: false }),
      clientFrame(0, 'ag', { fin: false }),
      clientFrame(0, 's'),
      close(1000),
    ]),
  ],
  [
    'a ping between fragments',
    Buffer.concat([
      clientFrame(2, 'a', { fin: false }),
      clientFrame(9, 'p'),
      clientFrame(0, 'b'),
      close(1000),
    ]),
  ],
  [
    'empty fragments',
    Buffer.concat([
      clientFrame(2, '', { fin: false }),
      clientFrame(0, '', { fin: false }),
      clientFrame(0, ''),
      close(1000),
    ]),
  ],
  ['a close frame with a reason', close(4000, 'good bye')],
  ['a close frame without a status', clientFrame(8)],
  ['a close of ours', Buffer.concat([clientFrame(1, 'terminate'), close(4321, 'as you wish')])],
  ['a message after a close frame', Buffer.concat([close(1000), clientFrame(1, 'late')])],
  ['a message that is too long: 1009', clientFrame(1, 'x'.repeat(1001))],
  [
    'fragments that are too long together: 1009',
    Buffer.concat([clientFrame(1, 'x'.repeat(600), { fin: false }), clientFrame(0, 'x'.repeat(600))]),
  ],
  ['text that is not UTF-8: 1007', clientFrame(1, Buffer.from([0xc3, 0x28]))],
  ['UTF-8 cut in the middle of a character: 1007', clientFrame(1, Buffer.from('é').subarray(0, 1))],
  ['a close reason that is not UTF-8: 1007', clientFrame(8, Buffer.from([3, 232, 0xff]))],
  ['an unknown opcode: 1002', clientFrame(5, 'x')],
  ['reserved bits: 1002', clientFrame(1, 'x', { rsv: 4 })],
  ['an unmasked frame: 1002', clientFrame(1, 'x', { masked: false })],
  ['a continuation of nothing: 1002', clientFrame(0, 'x')],
  [
    'a new message within a message: 1002',
    Buffer.concat([clientFrame(1, 'x', { fin: false }), clientFrame(1, 'y')]),
  ],
  ['a fragmented ping: 1002', clientFrame(9, 'x', { fin: false })],
  ['a ping that is too long: 1002', clientFrame(9, 'x'.repeat(126))],
  ['a close frame of one byte: 1002', clientFrame(8, 'x')],
  ['a close code that must not be sent: 1002', close(1005)],
  ['a close code that is not defined: 1002', close(2999)],
])('as ws: %s', async (_what, stream) => {
  const seen = await play(ours, stream);
  expect(seen).toEqual(await play(theirs, stream));
  expect(seen.frames.length).toBeGreaterThan(0);
});
