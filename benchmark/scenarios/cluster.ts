import { measureAudience, type Speech } from '../audience.js';
import { NEWS } from '../contenders/contender.js';
import type { ServerProcess } from '../server-process.js';
import { joinSocketIo, SOCKET_IO_PATH } from '../socket.io-client.js';
import type { Entry, Measurement, Scenario, Target } from './measurement.js';

const PLAIN: Speech = { path: '/broadcast', ask: (count) => `broadcast ${count}`, news: NEWS };
const SOCKET_IO: Speech = {
  path: SOCKET_IO_PATH,
  prepare: joinSocketIo,
  ask: (count) => `42${JSON.stringify(['broadcast', `broadcast ${count}`])}`,
  news: `42${JSON.stringify(['news', NEWS])}`,
};

const ALONE = 'one instance of this package';
const REDIS = 'two, Redis';
const NATS = 'two, NATS';
const SOCKET_IO_REDIS = 'socket.io, Redis adapter';
const CROSSWS_REDIS = 'crossws, Redis sync';

function entries(clients: number, messages: number): Entry[] {
  const measure =
    (speech: Speech) =>
    (...servers: ServerProcess[]): Promise<Measurement> =>
      measureAudience(servers, speech, clients, messages, clients * messages);
  return [
    { name: ALONE, contender: 'four-d-cluster', measure: measure(PLAIN) },
    { name: REDIS, contender: 'four-d-cluster', broker: 'redis', instances: 2, measure: measure(PLAIN) },
    { name: NATS, contender: 'four-d-cluster', broker: 'nats', instances: 2, measure: measure(PLAIN) },
    {
      name: SOCKET_IO_REDIS,
      contender: 'socket.io-redis',
      broker: 'redis',
      instances: 2,
      measure: measure(SOCKET_IO),
    },
    {
      name: CROSSWS_REDIS,
      contender: 'crossws-redis',
      broker: 'redis',
      instances: 2,
      measure: measure(PLAIN),
    },
  ];
}

const targets: readonly Target[] = [SOCKET_IO_REDIS, CROSSWS_REDIS].map((against) => ({
  what: 'deliveries per CPU second',
  of: REDIS,
  against,
  by: 'work per CPU',
  least: 2,
}));

export const clusterScenarios: readonly Scenario[] = [
  {
    name: 'cluster',
    title: 'Broadcast from one instance to 500 clients on each of two, one message a turn',
    unit: 'delivery',
    entries: entries(1000, 1),
    targets,
  },
  {
    name: 'cluster-burst',
    title: 'Broadcast from one instance to 500 clients on each of two, 10 messages a turn',
    unit: 'delivery',
    entries: entries(1000, 10),
    targets,
  },
  {
    name: 'cluster-latency',
    title: 'Broadcast from one instance to 1 client on each of two: the way through the broker alone',
    unit: 'delivery',
    entries: entries(2, 1),
    targets: [],
  },
];
