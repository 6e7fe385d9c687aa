import { WebSocket } from 'ws';
import { closeAll, openConnections } from '../client.js';
import type { ServerProcess } from '../server-process.js';
import type { Entry, Measurement, Scenario } from './measurement.js';

const CONNECTIONS = 15_000;
const SECONDS = 10;
const NOBODY = 'nobody looks';
const SOMEBODY = 'the page is open';

/** What the page asks: each second as it comes, the list every two, the instance every five. */
async function openPage(port: number): Promise<WebSocket> {
  const page = new WebSocket(`ws://127.0.0.1:${port}/inspector/socket`);
  await new Promise((resolve) => page.once('open', resolve));
  let id = 0;
  const ask = (method: string, params: object): void =>
    page.send(JSON.stringify({ jsonrpc: '2.0', id: ++id, method, params }));
  ask('seconds', {});
  const list = { search: '', sort: 'bytesIn', descending: true, offset: 0, limit: 25 };
  const timers = [setInterval(() => ask('list', list), 2000), setInterval(() => ask('instance', {}), 5000)];
  page.once('close', () => timers.forEach((timer) => clearInterval(timer)));
  return page;
}

/** How much of a processor core the server takes, in per cent. */
async function share(server: ServerProcess, isOpen: boolean): Promise<Measurement> {
  const sockets = await openConnections(server.port, '/text', CONNECTIONS);
  const page = isOpen ? await openPage(server.port) : undefined;
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const [cpu, at] = [await server.cpu(), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
  const used = (await server.cpu()) - cpu;
  const percent = used / 10 / (performance.now() - at);
  page?.terminate();
  await closeAll(sockets);
  return { figures: { 'of a core': percent } };
}

const entry = (name: string, isOpen: boolean): Entry => ({
  name,
  contender: 'four-d-inspector',
  measure: (server) => share(server, isOpen),
});

export const inspectorScenarios: readonly Scenario[] = [
  {
    name: 'inspector',
    title: `The inspector, ${CONNECTIONS.toLocaleString('en')} idle connections`,
    unit: 'second',
    entries: [entry(NOBODY, false), entry(SOMEBODY, true)],
    targets: [],
    columns: {
      'of a core': { of: (values) => Math.max(...values), show: (value) => `${value.toFixed(2)} %` },
    },
  },
];
