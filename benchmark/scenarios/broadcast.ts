import type { Socket } from 'node:net';
import { constants, deflateRawSync } from 'node:zlib';
import { NEWS, TOPIC } from '../contenders/contender.js';
import { NEWS_ITEM } from '../contenders/deflate.js';
import { clientFrame, closeAll, openConnections, serverFrameLength } from '../client.js';
import type { ServerProcess } from '../server-process.js';
import { measureWork, OURS, WS, type Entry, type Measurement, type Scenario } from './measurement.js';

const SECONDS = 1.5;
const FRAME_LENGTH = serverFrameLength(NEWS.length);

/** Has one client say something, waits until all have got what comes of it, and so on; once at least. */
async function drive(
  driver: Socket,
  receivers: readonly Socket[],
  message: string,
  messagesEach: number,
  until: number,
  frameLength = FRAME_LENGTH,
): Promise<number> {
  const frame = clientFrame(message);
  const total = receivers.length * messagesEach * frameLength;
  let left = total;
  let rounds = 0;
  return new Promise((resolve) => {
    const onData = (chunk: Buffer): void => {
      left -= chunk.length;
      if (left > 0) return;
      rounds++;
      left = total;
      if (performance.now() < until) {
        driver.write(frame);
        return;
      }
      for (const socket of receivers) socket.off('data', onData).pause();
      resolve(rounds * receivers.length * messagesEach);
    };
    for (const socket of receivers) socket.on('data', onData).resume();
    driver.write(frame);
  });
}

async function measureBroadcast(
  server: ServerProcess,
  clients: number,
  messages: number,
): Promise<Measurement> {
  const sockets = await openConnections(server.port, '/broadcast', clients);
  const message = `broadcast ${messages}`;
  await drive(sockets[0]!, sockets, message, messages, performance.now() + 300);
  const measurement = await measureWork([server], SECONDS, (until) =>
    drive(sockets[0]!, sockets, message, messages, until),
  );
  await closeAll(sockets);
  return measurement;
}

const PLAIN = serverFrameLength(Buffer.byteLength(NEWS_ITEM));
/** What both servers make of the message: they compress it with the same zlib. */
const COMPRESSED = serverFrameLength(
  deflateRawSync(NEWS_ITEM, { finishFlush: constants.Z_SYNC_FLUSH }).length - 4,
);

async function measureCompressed(server: ServerProcess, isCompressed: boolean): Promise<Measurement> {
  const offer = isCompressed ? 'permessage-deflate; server_no_context_takeover' : undefined;
  const sockets = await openConnections(server.port, '/broadcast', 1000, offer);
  const length = isCompressed ? COMPRESSED : PLAIN;
  await drive(sockets[0]!, sockets, 'go', 1, performance.now() + 300, length);
  const measurement = await measureWork([server], SECONDS, (until) =>
    drive(sockets[0]!, sockets, 'go', 1, until, length),
  );
  await closeAll(sockets);
  return measurement;
}

/** Many publishes in a turn, so that what a publish costs shows beside what reading the request for it does. */
const PUBLISHES = 20;
const SUBSCRIBERS = 10;

async function measurePublish(server: ServerProcess, clients: number): Promise<Measurement> {
  const sockets = await openConnections(server.port, '/publish', clients);
  const subscribers = sockets.slice(0, SUBSCRIBERS);
  for (const socket of subscribers) await drive(socket, [socket], 'subscribe', 1, 0);
  const message = `${TOPIC} ${PUBLISHES}`;
  await drive(sockets.at(-1)!, subscribers, message, PUBLISHES, performance.now() + 300);
  const measurement = await measureWork([server], SECONDS, (until) =>
    drive(sockets.at(-1)!, subscribers, message, PUBLISHES, until),
  );
  await closeAll(sockets);
  return measurement;
}

function broadcastEntries(messages: number): Entry[] {
  return [
    { name: WS, contender: 'ws', measure: (server) => measureBroadcast(server, 1000, messages) },
    { name: OURS, contender: 'four-d', measure: (server) => measureBroadcast(server, 1000, messages) },
  ];
}

export const broadcastScenarios: readonly Scenario[] = [
  {
    name: 'broadcast',
    title: 'Broadcast to 1,000 clients, one message a turn',
    unit: 'delivery',
    entries: broadcastEntries(1),
    targets: [{ what: 'deliveries per CPU second', of: OURS, against: WS, by: 'work per CPU', least: 1.1 }],
  },
  {
    name: 'burst',
    title: 'Broadcast to 1,000 clients, 10 messages a turn',
    unit: 'delivery',
    entries: broadcastEntries(10),
    targets: [{ what: 'deliveries per CPU second', of: OURS, against: WS, by: 'work per CPU', least: 5 }],
  },
  {
    name: 'compressed',
    title: 'Broadcast of 1.3 KB of JSON to 1,000 clients, compressed without context takeover',
    unit: 'delivery',
    entries: [
      { name: WS, contender: 'ws-deflate', measure: (server) => measureCompressed(server, true) },
      { name: OURS, contender: 'four-d-deflate', measure: (server) => measureCompressed(server, true) },
      {
        name: `${OURS}, uncompressed`,
        contender: 'four-d-deflate',
        measure: (server) => measureCompressed(server, false),
      },
    ],
    targets: [
      { what: 'deliveries per CPU second', of: OURS, against: WS, by: 'work per CPU', least: 8 },
      { what: 'CPU per delivery', of: OURS, against: `${OURS}, uncompressed`, by: 'cost', most: 2 },
    ],
  },
  {
    name: 'publish',
    title: 'Publish to a topic of 10 clients',
    unit: 'delivery',
    entries: [
      { name: 'among 100', contender: 'four-d', measure: (server) => measurePublish(server, 100) },
      { name: 'among 10,000', contender: 'four-d', measure: (server) => measurePublish(server, 10_000) },
    ],
    targets: [{ what: 'CPU per delivery', of: 'among 10,000', against: 'among 100', by: 'cost', most: 1.2 }],
  },
];
