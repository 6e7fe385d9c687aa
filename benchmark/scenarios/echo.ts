import type { Socket } from 'node:net';
import { clientFrame, closeAll, openConnections, serverFrameLength } from '../client.js';
import type { ServerProcess } from '../server-process.js';
import { joinSocketIo, SOCKET_IO_PATH } from '../socket.io-client.js';
import {
  measureWork,
  OURS,
  PLATFORM_WS,
  WS,
  type Entry,
  type Measurement,
  type Scenario,
} from './measurement.js';

const CLIENTS = 50;
const WARM_UP_SECONDS = 0.5;
const SECONDS = 1.5;

export interface EchoOptions {
  path: string;
  /** What a client sends. */
  message: string | Buffer;
  /** How long a reply's frame is. @default that of a message as long as what was sent */
  replyLength?: number;
  inFlight: number;
  /** Makes a connection ready, where more than the handshake is needed. */
  prepare?: (socket: Socket) => Promise<void>;
}

/** Keeps some messages of each client in flight, and counts the replies. */
export async function echoOn(
  sockets: readonly Socket[],
  options: EchoOptions,
  until: number,
): Promise<number> {
  const frame = clientFrame(options.message);
  const frames = Buffer.concat(Array.from({ length: options.inFlight }, () => frame));
  const replyLength = options.replyLength ?? serverFrameLength(Buffer.byteLength(options.message));
  let replies = 0;
  await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<void>((resolve) => {
          let received = 0;
          let waiting = options.inFlight;
          const onData = (chunk: Buffer): void => {
            received += chunk.length;
            const complete = Math.floor(received / replyLength);
            if (complete === 0) return;
            received -= complete * replyLength;
            replies += complete;
            if (performance.now() < until) {
              socket.write(frames.subarray(0, complete * frame.length));
              return;
            }
            waiting -= complete;
            if (waiting > 0) return;
            socket.off('data', onData);
            socket.pause();
            resolve();
          };
          socket.on('data', onData);
          socket.resume();
          socket.write(frames);
        }),
    ),
  );
  return replies;
}

async function measureEcho(server: ServerProcess, options: EchoOptions): Promise<Measurement> {
  const sockets = await openConnections(server.port, options.path, CLIENTS);
  for (const socket of sockets) await options.prepare?.(socket);
  await echoOn(sockets, options, performance.now() + WARM_UP_SECONDS * 1000);
  const measurement = await measureWork([server], SECONDS, (until) => echoOn(sockets, options, until));
  await closeAll(sockets);
  return measurement;
}

function entry(name: string, contender: string, options: EchoOptions): Entry {
  return { name, contender, measure: (server) => measureEcho(server, options) };
}

const TEXT = 'x'.repeat(64);
const EVENT = JSON.stringify({ event: 'echo', data: TEXT });
const SOCKET_IO_EVENT = `42${JSON.stringify(['echo', TEXT])}`;
const SOCKET_IO = 'platform-socket.io';

function textEntries(inFlight: number): Entry[] {
  const text: EchoOptions = { path: '/text', message: TEXT, inFlight };
  return [
    entry('bare net (floor)', 'net', { ...text, replyLength: clientFrame(TEXT).length }),
    entry(WS, 'ws', text),
    entry(OURS, 'four-d', text),
    entry(PLATFORM_WS, 'platform-ws', { ...text, message: EVENT }),
    entry('@nestjs/platform-socket.io', SOCKET_IO, {
      path: SOCKET_IO_PATH,
      message: SOCKET_IO_EVENT,
      inFlight,
      prepare: joinSocketIo,
    }),
    entry('@fastify/websocket', 'fastify-websocket', text),
    entry('crossws', 'crossws', text),
  ];
}

const WATCHED: EchoOptions = { path: '/text', message: TEXT, inFlight: 1 };
const BINARY = Buffer.alloc(16 * 1024, 'x');
const BLOB: EchoOptions = { path: '/blob', message: BINARY, inFlight: 1 };
const OBJECT: EchoOptions = {
  path: '/object',
  message: JSON.stringify({ type: 'said', name: 'Ada', text: TEXT, tags: ['a', 'b'], at: 1 }),
  inFlight: 1,
};
const PIPELINE: EchoOptions = {
  path: '/pipeline',
  message: JSON.stringify({ event: 'echo', data: { data: TEXT } }),
  inFlight: 1,
};

export const echoScenarios: readonly Scenario[] = [
  {
    name: 'echo',
    title: 'Echo, 50 clients, 1 message in flight, 64 B',
    unit: 'message',
    entries: textEntries(1),
    targets: [
      { what: 'CPU per message', of: OURS, against: WS, by: 'cost', most: 1.05 },
      { what: 'throughput', of: OURS, against: PLATFORM_WS, by: 'throughput', least: 2 },
    ],
  },
  {
    name: 'binary',
    title: 'Echo, 50 clients, 1 message in flight, 16 KiB binary',
    unit: 'message',
    entries: [
      entry(WS, 'ws', BLOB),
      entry(OURS, 'four-d', BLOB),
      entry('@fastify/websocket', 'fastify-websocket', BLOB),
      entry('crossws', 'crossws', BLOB),
    ],
    targets: [{ what: 'CPU per message', of: OURS, against: WS, by: 'cost', most: 1.05 }],
  },
  {
    name: 'pipelined',
    title: 'Echo, 50 clients, 20 messages in flight, 64 B',
    unit: 'message',
    entries: textEntries(20),
    targets: [
      { what: 'throughput', of: OURS, against: WS, by: 'throughput', least: 3 },
      { what: 'throughput', of: OURS, against: PLATFORM_WS, by: 'throughput', least: 5 },
    ],
  },
  {
    name: 'pipeline',
    title: 'Echo through guard, ValidationPipe and interceptor, 1 in flight',
    unit: 'message',
    entries: [entry(OURS, 'four-d', PIPELINE), entry(PLATFORM_WS, 'platform-ws', PIPELINE)],
    targets: [{ what: 'throughput', of: OURS, against: PLATFORM_WS, by: 'throughput', least: 1.7 }],
  },
  {
    name: 'object',
    title: 'Echo of JSON objects, parsed and made anew, 1 in flight',
    unit: 'message',
    entries: [entry(WS, 'ws', OBJECT), entry(OURS, 'four-d', OBJECT)],
    targets: [{ what: 'CPU per message', of: OURS, against: WS, by: 'cost', most: 1.05 }],
  },
  {
    name: 'watched',
    title: 'Echo, 50 clients, 1 message in flight, 64 B: watched by nobody, and by somebody',
    unit: 'message',
    entries: [
      entry(OURS, 'four-d', WATCHED),
      entry('counted for Prometheus', 'four-d-prometheus', WATCHED),
      entry('traced, 1 % of the spans exported', 'four-d-traced', WATCHED),
    ],
    targets: [
      { what: 'CPU per message', of: 'counted for Prometheus', against: OURS, by: 'cost', most: 1.1 },
      {
        what: 'CPU per message',
        of: 'traced, 1 % of the spans exported',
        against: OURS,
        by: 'cost',
        most: 1.15,
      },
    ],
  },
  {
    name: 'instance',
    title: 'Echo, a handler instance per connection against a shared one',
    unit: 'message',
    entries: [
      entry('shared instance', 'four-d', { path: '/shared', message: TEXT, inFlight: 1 }),
      entry('instance per connection', 'four-d', { path: '/text', message: TEXT, inFlight: 1 }),
    ],
    targets: [
      {
        what: 'CPU per message',
        of: 'instance per connection',
        against: 'shared instance',
        by: 'cost',
        most: 1.05,
      },
    ],
  },
];
