import { closeAll, openConnection, openConnections } from '../client.js';
import type { ServerProcess } from '../server-process.js';
import { measureWork, OURS, PLATFORM_WS, WS, type Measurement, type Scenario } from './measurement.js';

const ACCEPTED = 3000;
const IDLE = 6000;
/** Connections that are opened and closed first, so that what a server makes once is made. */
const WARM_UP = 500;

async function accept(server: ServerProcess): Promise<Measurement> {
  const open = async (count: number): Promise<number> => {
    for (let done = 0; done < count; done += 100) {
      const sockets = await Promise.all(
        Array.from({ length: 100 }, () => openConnection(server.port, '/text')),
      );
      await closeAll(sockets);
    }
    return count;
  };
  await open(WARM_UP);
  return measureWork([server], Infinity, () => open(ACCEPTED));
}

async function idle(server: ServerProcess): Promise<Measurement> {
  await closeAll(await openConnections(server.port, '/text', WARM_UP));
  const before = await server.memory();
  const sockets = await openConnections(server.port, '/text', IDLE);
  const after = await server.memory();
  await closeAll(sockets);
  return { cost: (after - before) / IDLE };
}

export const connectionScenarios: readonly Scenario[] = [
  {
    name: 'accept',
    title: 'Accepting a connection, with a handler that has an injected service',
    unit: 'connection',
    entries: [
      { name: WS, contender: 'ws', measure: accept },
      { name: OURS, contender: 'four-d', measure: accept },
      { name: PLATFORM_WS, contender: 'platform-ws', measure: accept },
    ],
    targets: [{ what: 'CPU per connection', of: OURS, against: WS, by: 'cost', most: 1.8 }],
  },
  {
    name: 'idle',
    title: `Memory of an idle connection (${IDLE.toLocaleString('en')} of them)`,
    unit: 'connection',
    entries: [
      { name: WS, contender: 'ws', measure: idle },
      { name: OURS, contender: 'four-d', measure: idle },
      { name: PLATFORM_WS, contender: 'platform-ws', measure: idle },
    ],
    targets: [
      { what: 'memory', of: OURS, against: WS, by: 'cost', most: 2.2 },
      { what: 'memory', of: OURS, against: PLATFORM_WS, by: 'cost', most: 0.55 },
    ],
  },
];
