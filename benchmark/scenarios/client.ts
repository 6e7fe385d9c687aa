import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { OURS, WS, type Entry, type Measurement, type Scenario } from './measurement.js';

/** Here it is the client whose processor is measured, in a process of its own; the server only echoes. */
async function measureClient(client: string, port: number, inFlight: number): Promise<Measurement> {
  const file = fileURLToPath(new URL(`../clients/${client}.js`, import.meta.url));
  const child = fork(file, [String(port), String(inFlight)], {
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const exited = once(child, 'exit');
  const failed = exited.then(([code]) => Promise.reject(new Error(`${client} ended with ${code}`)));
  const [measurement] = (await Promise.race([once(child, 'message'), failed])) as [Measurement];
  failed.catch(() => undefined);
  await exited;
  return measurement;
}

function entry(name: string, contender: string, client: string, inFlight: number): Entry {
  return { name, contender, measure: ({ port }) => measureClient(client, port, inFlight) };
}

function scenario(name: string, inFlight: number): Scenario {
  return {
    name,
    title: `One client on Node, ${inFlight} ${inFlight === 1 ? 'message' : 'messages'} in flight, 64 B: out and in`,
    unit: 'message',
    entries: [
      entry(WS, 'ws', 'ws', inFlight),
      entry(OURS, 'ws', 'four-d', inFlight),
      entry('socket.io-client', 'platform-socket.io', 'socket.io-client', inFlight),
    ],
    targets: [{ what: 'CPU per message', of: OURS, against: WS, by: 'cost', most: 1.15 }],
  };
}

export const clientScenarios: readonly Scenario[] = [scenario('client', 20), scenario('client-alone', 1)];
