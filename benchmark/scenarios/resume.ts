import { Audience, type Speech } from '../audience.js';
import { clientFrame, closeAll, openConnections } from '../client.js';
import { NEWS, TOPIC } from '../contenders/contender.js';
import { ResumingConnection } from '../resuming-connection.js';
import type { ServerProcess } from '../server-process.js';
import { median } from '../statistics.js';
import { measureWork, type Entry, type Measurement, type Scenario } from './measurement.js';

const CLIENTS = 1000;
const SPEECH: Speech = { path: '/remembered', ask: (count) => `${TOPIC} ${count}`, news: NEWS };
/** How many of them shake hands at a time: a server's queue for them is not endless, and who is dropped tries again a second later. */
const HANDSHAKES = 200;
/** How many messages are published at once. */
const BATCH = 100;

const UNTIL_LIVE = 'until all are live';
const PEAK_MEMORY = 'most memory of an instance';

/** All clients come back at once, and have missed the same. */
async function measureResume(servers: readonly ServerProcess[], missed: number): Promise<Measurement> {
  const { port } = servers[0]!;
  const first = await ResumingConnection.open(port, SPEECH.path);
  const place = await first.place();
  const [publisher] = await openConnections(port, SPEECH.path, 1);
  publisher!.resume();
  const audience = new Audience(publisher!, [publisher!], SPEECH);
  for (let left = missed; left > 0; left -= BATCH) {
    const count = Math.min(BATCH, left);
    await audience.round(clientFrame(SPEECH.ask(count)), count);
  }
  await closeAll([first.socket, publisher!]);

  const connections: ResumingConnection[] = [];
  let time = 0;
  const measurement = await measureWork(servers, 0, async () => {
    const started = performance.now();
    while (connections.length < CLIENTS) {
      const batch = Array.from({ length: HANDSHAKES }, (_, index) =>
        ResumingConnection.open(servers[index % servers.length]!.port, SPEECH.path, place),
      );
      connections.push(...(await Promise.all(batch)));
    }
    await Promise.all(connections.map((connection) => connection.resumed()));
    time = performance.now() - started;
    return CLIENTS;
  });
  const least = missed * NEWS.length;
  if (connections.some(({ received }) => received < least)) throw new Error('a client has not got all');
  const memory = Math.max(...(await Promise.all(servers.map((server) => server.peakMemory()))));
  await closeAll(connections.map(({ socket }) => socket));
  return { ...measurement, figures: { [UNTIL_LIVE]: time, [PEAK_MEMORY]: memory } };
}

function entry(name: string, instances: number, missed: number): Entry {
  return {
    name,
    contender: 'four-d-history',
    broker: 'redis',
    instances,
    measure: (...servers: ServerProcess[]) => measureResume(servers, missed),
  };
}

export const resumeScenarios: readonly Scenario[] = [
  {
    name: 'resume',
    title: `${CLIENTS.toLocaleString('en')} clients come back at once, with a topic that remembers, in Redis`,
    unit: 'client',
    columns: {
      [UNTIL_LIVE]: { of: median, show: (time) => `${(time / 1000).toFixed(2)} s` },
      [PEAK_MEMORY]: { of: median, show: (bytes) => `${Math.round(bytes / 1024 / 1024)} MB` },
    },
    entries: [
      entry('nothing missed', 1, 0),
      entry('10 messages missed', 1, 10),
      entry('1,000 messages missed', 1, 1000),
      entry('1,000 missed, two instances', 2, 1000),
    ],
    targets: [],
  },
];
