import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { NEWS } from '../contenders/contender.js';
import { clientFrame, closeAll, openConnections, serverFrameLength } from '../client.js';
import type { ServerProcess } from '../server-process.js';
import { joinSocketIo, SOCKET_IO_PATH } from '../socket.io-client.js';
import { measureWork, type Entry, type Measurement, type Scenario, type Target } from './measurement.js';

const SECONDS = 2;
/** How many deliveries the latency is measured with. */
const LATENCY_DELIVERIES = 100_000;
const LATENCY_ROUNDS = 2_000;

/** What a contender's clients say and hear. */
interface Speech {
  path: string;
  prepare?: (socket: Socket) => Promise<void>;
  /** Asks for so many broadcasts. */
  ask(count: number): string;
  /** The payload of one of them. */
  news: string;
}

const PLAIN: Speech = { path: '/broadcast', ask: (count) => `broadcast ${count}`, news: NEWS };
const SOCKET_IO: Speech = {
  path: SOCKET_IO_PATH,
  prepare: joinSocketIo,
  ask: (count) => `42${JSON.stringify(['broadcast', `broadcast ${count}`])}`,
  news: `42${JSON.stringify(['news', NEWS])}`,
};

/** A client that asks, and all clients, who hear what comes of it. */
class Audience {
  readonly #frameLength: number;

  constructor(
    private readonly driver: Socket,
    private readonly receivers: readonly Socket[],
    { news }: Speech,
  ) {
    this.#frameLength = serverFrameLength(news.length);
  }

  /** Asks until all clients have heard something, and then until they hear no more. */
  async gather(request: Buffer): Promise<void> {
    const silent = new Set(this.receivers);
    let lastHeard = performance.now();
    const listeners = this.receivers.map((socket) => {
      const onData = (): void => {
        silent.delete(socket);
        lastHeard = performance.now();
      };
      socket.on('data', onData);
      return (): unknown => socket.off('data', onData);
    });
    while (silent.size > 0 || performance.now() - lastHeard < QUIET_TIME) {
      if (silent.size > 0) this.driver.write(request);
      await delay(PROBE_INTERVAL);
    }
    for (const remove of listeners) remove();
  }

  /** @param heard told when a client has all of a round's messages */
  async round(
    request: Buffer,
    messages: number,
    heard?: (client: Socket, time: number) => void,
  ): Promise<void> {
    const expected = messages * this.#frameLength;
    await new Promise<void>((resolve) => {
      let waiting = this.receivers.length;
      for (const socket of this.receivers) {
        let left = expected;
        const onData = (chunk: Buffer): void => {
          left -= chunk.length;
          if (left > 0) return;
          socket.off('data', onData);
          heard?.(socket, performance.now());
          if (--waiting === 0) resolve();
        };
        socket.on('data', onData);
      }
      this.driver.write(request);
    });
  }
}

/** How often to ask while the instances are not yet subscribed to each other, and when all answers have come surely. */
const PROBE_INTERVAL = 50;
const QUIET_TIME = 300;

async function warmUp(audience: Audience, request: Buffer, messages: number): Promise<void> {
  await audience.gather(request);
  const end = performance.now() + 500;
  while (performance.now() < end) await audience.round(request, messages);
}

async function measureCluster(
  servers: readonly ServerProcess[],
  speech: Speech,
  clients: number,
  messages: number,
): Promise<Measurement> {
  const groups: Socket[][] = [];
  for (const { port } of servers) {
    groups.push(await openConnections(port, speech.path, clients / servers.length));
  }
  const sockets = groups.flat();
  for (const socket of sockets) await speech.prepare?.(socket);
  for (const socket of sockets) socket.resume();
  const audience = new Audience(sockets[0]!, sockets, speech);
  const request = clientFrame(speech.ask(messages));
  await warmUp(audience, request, messages);
  const measurement = await measureWork(servers, SECONDS, async (until) => {
    let rounds = 0;
    do {
      await audience.round(request, messages);
      rounds++;
    } while (performance.now() < until);
    return rounds * sockets.length * messages;
  });
  // How long it takes to the clients of the last instance, which is another one if there are two.
  const far = new Set(groups.at(-1));
  const latencies: number[] = [];
  const single = clientFrame(speech.ask(1));
  const rounds = Math.min(LATENCY_ROUNDS, LATENCY_DELIVERIES / far.size);
  for (let round = 0; round < rounds; round++) {
    const asked = performance.now();
    await audience.round(single, 1, (client, time) => far.has(client) && latencies.push(time - asked));
  }
  await closeAll(sockets);
  latencies.sort((a, b) => a - b);
  return {
    ...measurement,
    latency: {
      median: latencies[latencies.length >> 1]!,
      p99: latencies[Math.floor(latencies.length * 0.99)]!,
    },
  };
}

const ALONE = 'one instance of this package';
const REDIS = 'two, Redis';
const NATS = 'two, NATS';
const SOCKET_IO_REDIS = 'socket.io, Redis adapter';
const CROSSWS_REDIS = 'crossws, Redis sync';

function entries(clients: number, messages: number): Entry[] {
  const measure =
    (speech: Speech) =>
    (...servers: ServerProcess[]): Promise<Measurement> =>
      measureCluster(servers, speech, clients, messages);
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
