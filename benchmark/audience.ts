import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { clientFrame, closeAll, openConnections, serverFrameLength } from './client.js';
import { measureWork, type Measurement } from './scenarios/measurement.js';
import type { ServerProcess } from './server-process.js';

const SECONDS = 2;
/** How many deliveries the latency is measured with. */
const LATENCY_DELIVERIES = 100_000;
const LATENCY_ROUNDS = 2_000;

/** What a contender's clients say and hear. */
export interface Speech {
  path: string;
  prepare?: (socket: Socket) => Promise<void>;
  /** Asks for so many broadcasts. */
  ask(count: number): string;
  /** The payload of one of them. */
  news: string;
}

/** A client that asks, and all clients, who hear what comes of it. */
export class Audience {
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

/**
 * Measures what one client's requests cost, where all clients hear what comes of them.
 *
 * @param clients how many, on all servers together
 * @param messages how many they are sent for each request
 * @param operations how many operations a request is
 */
export async function measureAudience(
  servers: readonly ServerProcess[],
  speech: Speech,
  clients: number,
  messages: number,
  operations: number,
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
    return rounds * operations;
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
