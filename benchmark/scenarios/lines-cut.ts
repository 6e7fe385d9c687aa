import { setTimeout as delay } from 'node:timers/promises';
import { CuttingProxy } from '../cutting-proxy.js';
import {
  fourDWebSocket,
  partySocket,
  socketIoClient,
  type ReconnectingClient,
} from '../reconnecting-clients.js';
import type { ServerProcess } from '../server-process.js';
import { sum } from '../statistics.js';
import type { Column, Entry, Measurement, Scenario } from './measurement.js';

const CLIENTS = 20;
const MESSAGES = 600;
/** Milliseconds between two messages. */
const INTERVAL = 8;
/** After how many messages an instance is killed. */
const KILLED_AFTER: readonly number[] = [200, 400];
/** Clients have all that they will ever get when they hear nothing for so long, in milliseconds. */
const QUIET_TIME = 2_000;
/** How often clients are told something until all have heard it, in milliseconds. */
const PROBE_INTERVAL = 50;
const PROBE = 'is anybody here?';

const ARRIVED = 'arrived';
const MISSING = 'missing';
const TWICE = 'twice';
const OUT_OF_ORDER = 'out of order';
const CUTS = 'lines cut';

/** What a client has heard of the messages, which are numbers. */
class Listener {
  readonly #heard = new Set<number>();
  #newest = -1;
  doubles = 0;
  outOfOrder = 0;
  isHere = false;
  lastHeard = 0;

  hear(text: string): void {
    this.isHere = true;
    this.lastHeard = performance.now();
    if (text === PROBE) return;
    const number = Number(text);
    if (this.#heard.has(number)) this.doubles++;
    else if (number < this.#newest) this.outOfOrder++;
    this.#heard.add(number);
    this.#newest = Math.max(this.#newest, number);
  }

  countOf(messages: readonly number[]): number {
    return messages.filter((number) => this.#heard.has(number)).length;
  }
}

/** Instances that take turns to publish, and may be killed, each at its time. */
class Publishers {
  /** The messages that an instance has said it published. */
  readonly published: number[] = [];
  #restarting: ServerProcess | undefined;
  #isBack: Promise<void> = Promise.resolve();

  constructor(private readonly servers: readonly ServerProcess[]) {}

  async publishAll(killing: boolean): Promise<void> {
    for (let number = 0; number < MESSAGES; number++) {
      const due = delay(INTERVAL);
      if (killing && KILLED_AFTER.includes(number)) await this.#kill(KILLED_AFTER.indexOf(number));
      const server = this.servers[number % this.servers.length]!;
      await (await this.#living(server)).publish(String(number));
      this.published.push(number);
      await due;
    }
    await this.#isBack;
  }

  /** Kills an instance when the one before is back. */
  async #kill(index: number): Promise<void> {
    await this.#isBack;
    const server = this.servers[index % this.servers.length]!;
    this.#restarting = server;
    this.#isBack = server.restart().then(() => void (this.#restarting = undefined));
  }

  /** A server, or another one while it is killed; if there is none, the same when it is back. */
  async #living(server: ServerProcess): Promise<ServerProcess> {
    if (server !== this.#restarting) return server;
    const other = this.servers.find((each) => each !== server);
    if (other === undefined) await this.#isBack;
    return other ?? server;
  }
}

/** Waits until clients that follow have heard something, and all instances speak to all clients. */
async function gather(servers: readonly ServerProcess[], listeners: readonly Listener[]): Promise<void> {
  for (const server of servers) {
    for (const listener of listeners) listener.isHere = false;
    while (listeners.some(({ isHere }) => !isHere)) {
      await server.publish(PROBE);
      await delay(PROBE_INTERVAL);
    }
  }
}

async function measureLinesCut(
  servers: readonly ServerProcess[],
  connect: ReconnectingClient,
  killing: boolean,
): Promise<Measurement> {
  const proxy = await CuttingProxy.start(servers.map(({ port }) => port));
  const listeners = Array.from({ length: CLIENTS }, () => new Listener());
  const ends = listeners.map((listener) => connect(proxy.port, (text) => listener.hear(text)));
  try {
    await gather(servers, listeners);
    proxy.cut();
    const publishers = new Publishers(servers);
    await publishers.publishAll(killing);
    proxy.rest();
    const rested = performance.now();
    const quietFor = (): number =>
      performance.now() - Math.max(rested, ...listeners.map(({ lastHeard }) => lastHeard));
    while (quietFor() < QUIET_TIME) await delay(QUIET_TIME - quietFor());
    const expected = publishers.published.length * CLIENTS;
    const arrived = sum(listeners.map((listener) => listener.countOf(publishers.published)));
    return {
      figures: {
        [ARRIVED]: arrived / expected,
        [MISSING]: expected - arrived,
        [TWICE]: sum(listeners.map(({ doubles }) => doubles)),
        [OUT_OF_ORDER]: sum(listeners.map(({ outOfOrder }) => outOfOrder)),
        [CUTS]: proxy.cuts,
      },
    };
  } finally {
    for (const end of ends) end();
    await proxy.close();
  }
}

/** Rounded down: 100 % is all of them. */
const percentage: Column = {
  of: (shares) => sum(shares) / shares.length,
  show: (share) => `${(Math.floor(share * 1000) / 10).toFixed(1)} %`,
};
const count: Column = { of: sum, show: (total) => total.toLocaleString('en') };

function entries(instances: number, killing: boolean): Entry[] {
  const entry = (name: string, contender: string, client: ReconnectingClient): Entry => ({
    name,
    contender,
    broker: 'redis',
    instances,
    measure: (...servers: ServerProcess[]) => measureLinesCut(servers, client, killing),
  });
  return [
    entry('plain ws, partysocket', 'ws-redis', partySocket),
    entry('crossws, partysocket', 'crossws-redis', partySocket),
    entry('socket.io', 'socket.io-redis', socketIoClient),
    entry('socket.io, connection state recovery', 'socket.io-recovery', socketIoClient),
    entry('this package, history', 'four-d-history', fourDWebSocket),
  ];
}

function scenario(name: string, title: string, instances: number, killing: boolean): Scenario {
  return {
    name,
    title: `What arrives while lines are cut, ${title}`,
    unit: 'message',
    columns: {
      [ARRIVED]: percentage,
      [MISSING]: count,
      [TWICE]: count,
      [OUT_OF_ORDER]: count,
      [CUTS]: count,
    },
    entries: entries(instances, killing),
    targets: [],
  };
}

export const linesCutScenarios: readonly Scenario[] = [
  scenario('lines-cut', 'one instance', 1, false),
  scenario('lines-cut-killed', 'one instance, killed twice', 1, true),
  scenario('lines-cut-two', 'two instances', 2, false),
  scenario('lines-cut-two-killed', 'two instances, each killed once', 2, true),
];
