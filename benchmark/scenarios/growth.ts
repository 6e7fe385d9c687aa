import { closeAll, openConnections } from '../client.js';
import type { ServerProcess } from '../server-process.js';
import { median } from '../statistics.js';
import { echoOn } from './echo.js';
import {
  measureWork,
  OURS,
  PLATFORM_WS,
  WS,
  type Entry,
  type Measurement,
  type Scenario,
} from './measurement.js';

/** How many connections there are; the file limit of many machines is 20,000. */
const SIZES = [100, 1_000, 5_000, 15_000];
/** So many of them speak, the others are silent. */
const SPEAKERS = 50;
const WARM_UP = 500;
const SECONDS = 1.5;

const ACCEPT = 'accepting one';
const MEMORY = 'memory of one';
const ECHO = 'an echo among them';

async function grow(server: ServerProcess, size: number, message: string): Promise<Measurement> {
  await closeAll(await openConnections(server.port, '/text', WARM_UP));
  const [cpu, memory] = [await server.cpu(), await server.memory()];
  const sockets = await openConnections(server.port, '/text', size);
  const accepting = (await server.cpu()) - cpu;
  const remembering = (await server.memory()) - memory;
  const options = { path: '/text', message, inFlight: 1 };
  const speakers = sockets.slice(0, SPEAKERS);
  await echoOn(speakers, options, performance.now() + 500);
  const { cost } = await measureWork([server], SECONDS, (until) => echoOn(speakers, options, until));
  await closeAll(sockets);
  return { figures: { [ACCEPT]: accepting / size, [MEMORY]: remembering / size, [ECHO]: cost! } };
}

const TEXT = 'x'.repeat(64);

function entries(name: string, contender: string, message: string): Entry[] {
  return SIZES.map((size) => ({
    name: `${name}, ${size.toLocaleString('en')}`,
    contender,
    measure: (server) => grow(server, size, message),
  }));
}

const microseconds = { of: median, show: (value: number): string => `${value.toFixed(1)} µs` };

export const growthScenarios: readonly Scenario[] = [
  {
    name: 'growth',
    title: 'What one connection costs among 100, 1,000, 5,000 and 15,000',
    unit: 'connection',
    entries: [
      ...entries(WS, 'ws', TEXT),
      ...entries(OURS, 'four-d', TEXT),
      ...entries(PLATFORM_WS, 'platform-ws', JSON.stringify({ event: 'echo', data: TEXT })),
    ],
    targets: [],
    columns: {
      [ACCEPT]: microseconds,
      [MEMORY]: { of: median, show: (value) => `${(value / 1024).toFixed(1)} KiB` },
      [ECHO]: microseconds,
    },
  },
];
