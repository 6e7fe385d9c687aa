/**
 * Measures this package against others: `npm run bench -- --help`. Servers and load are separate processes; each round
 * runs every contender in turn, and medians are compared within one run.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { BrokerProcess } from './broker-process.js';
import { chart, judge, tables, type ScenarioResult } from './report.js';
import { broadcastScenarios } from './scenarios/broadcast.js';
import { callScenarios } from './scenarios/call.js';
import { clientScenarios } from './scenarios/client.js';
import { clusterScenarios } from './scenarios/cluster.js';
import { connectionScenarios } from './scenarios/connections.js';
import { echoScenarios } from './scenarios/echo.js';
import { growthScenarios } from './scenarios/growth.js';
import { historyScenarios } from './scenarios/history.js';
import { inspectorScenarios } from './scenarios/inspector.js';
import { linesCutScenarios } from './scenarios/lines-cut.js';
import type { Entry, Measurement, Scenario } from './scenarios/measurement.js';
import { resumeScenarios } from './scenarios/resume.js';
import { ServerProcess } from './server-process.js';
import { clientSizes, sizesTable } from './sizes.js';
import { median } from './statistics.js';

const scenarios: readonly Scenario[] = [
  ...echoScenarios,
  ...callScenarios,
  ...broadcastScenarios,
  ...clusterScenarios,
  ...historyScenarios,
  ...resumeScenarios,
  ...linesCutScenarios,
  ...connectionScenarios,
  ...growthScenarios,
  ...inspectorScenarios,
  ...clientScenarios,
];

const { values: options } = parseArgs({
  options: {
    scenario: { type: 'string', multiple: true },
    contender: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) {
  console.log(`npm run bench -- [options]

  --scenario NAME   only this scenario; may be repeated: ${scenarios.map(({ name }) => name).join(', ')}, sizes
  --contender NAME  only this contender (a file of benchmark/contenders); may be repeated
  --rounds N        rounds of each scenario (default 5)
  --json            print the results as JSON
  --write           write the tables and the chart into docs/`);
  process.exit();
}

const rounds = Number(options.rounds);
const chosen = scenarios.filter(({ name }) => options.scenario?.includes(name) ?? true);
const isChosen = (contender: string): boolean => options.contender?.includes(contender) ?? true;

/** Longer than any measurement takes: what hangs ends the run. */
const MEASUREMENT_TIMEOUT = 120_000;

async function withinTime<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} within ${MEASUREMENT_TIMEOUT} ms`)),
      MEASUREMENT_TIMEOUT,
    );
  });
  return Promise.race([promise, expired]).finally(() => clearTimeout(timer));
}

/** Servers of its own for each measurement: none inherits the garbage or the compiled code of another. */
async function measureOnce({ contender, broker, instances = 1, measure }: Entry): Promise<Measurement> {
  const brokerProcess = broker && (await BrokerProcess.start(broker));
  const servers: ServerProcess[] = [];
  try {
    while (servers.length < instances) servers.push(await ServerProcess.start(contender, brokerProcess?.env));
    const [first, ...others] = servers as [ServerProcess, ...ServerProcess[]];
    return await withinTime(`${contender} could not be measured`, measure(first, ...others));
  } finally {
    for (const server of servers) await server.stop();
    await brokerProcess?.stop();
  }
}

async function runScenario(scenario: Scenario): Promise<ScenarioResult> {
  const entries = scenario.entries.filter(({ name, contender, broker }) => {
    if (!isChosen(contender)) return false;
    if (broker === undefined || BrokerProcess.isInstalled(broker)) return true;
    console.error(`Left out: ${name}. The broker ${broker} is not installed.`);
    return false;
  });
  const all = new Map<string, Measurement[]>(entries.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const entry of entries) {
      progress(`${scenario.title}: round ${round} of ${rounds}, ${entry.name}`);
      all.get(entry.name)!.push(await measureOnce(entry));
    }
  }
  progress('');
  const medians = new Map(
    Array.from(all, ([name, measurements]) => [name, together(scenario, measurements)] as const),
  );
  return { scenario, medians, outcomes: judge(scenario, medians) };
}

/** What all rounds of a contender make together. */
function together({ columns = {} }: Scenario, measurements: readonly Measurement[]): Measurement {
  const costs = measurements.flatMap(({ cost }) => cost ?? []);
  const throughputs = measurements.flatMap(({ throughput }) => throughput ?? []);
  const latencies = measurements.flatMap(({ latency }) => latency ?? []);
  const figures = Object.entries(columns).map(([title, column]) => {
    return [title, column.of(measurements.map((measurement) => measurement.figures![title]!))] as const;
  });
  return {
    ...(costs.length > 0 && { cost: median(costs) }),
    ...(throughputs.length > 0 && { throughput: median(throughputs) }),
    ...(latencies.length > 0 && {
      latency: {
        median: median(latencies.map((latency) => latency.median)),
        p99: median(latencies.map((latency) => latency.p99)),
      },
    }),
    ...(figures.length > 0 && { figures: Object.fromEntries(figures) }),
  };
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}

function versionOf(name: string): string {
  return (JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')) as { version: string })
    .version;
}

function machine(): string {
  const packages = [
    'ws',
    '@nestjs/core',
    '@nestjs/platform-ws',
    '@nestjs/platform-socket.io',
    '@fastify/websocket',
    'crossws',
    'socket.io',
    'socket.io-client',
    '@socket.io/redis-adapter',
    '@socket.io/redis-streams-adapter',
    '@trpc/server',
    'rpc-websockets',
    'zod',
    'ioredis',
    '@nats-io/transport-node',
    'partysocket',
    'centrifuge',
  ];
  return [
    `${cpus().length} × ${cpus()[0]!.model.trim()}, Node.js ${process.versions.node}, ${rounds} rounds;`,
    `${packages.map((name) => `${name} ${versionOf(name)}`).join(', ')}.`,
  ].join(' ');
}

const results: ScenarioResult[] = [];
for (const scenario of chosen) {
  const result = await runScenario(scenario);
  results.push(result);
  if (!options.json) console.log(`${tables([result])}\n`);
}

const sizes = (options.scenario?.includes('sizes') ?? true) ? await clientSizes() : undefined;
if (sizes !== undefined && !options.json) console.log(`${sizesTable(sizes)}\n`);

if (options.json) {
  const measured = results.map(({ scenario, medians, outcomes }) => ({
    scenario: scenario.name,
    medians: Object.fromEntries(medians),
    outcomes: outcomes.map(({ target, ratio, reached }) => ({ ...target, ratio, reached })),
  }));
  const all = sizes === undefined ? measured : [...measured, { scenario: 'sizes', sizes }];
  console.log(JSON.stringify(all, null, 2));
}

if (options.write) {
  const guide = 'docs/performance.md';
  const [before, , after] = readFileSync(guide, 'utf8').split(/<!-- (?:begin|end) results -->/);
  const found = [tables(results), ...(sizes === undefined ? [] : [sizesTable(sizes)])].join('\n\n');
  const measured = `\n\nMeasured on ${machine()}\n\n${found}\n\n`;
  writeFileSync(guide, `${before}<!-- begin results -->${measured}<!-- end results -->${after}`);
  writeFileSync('docs/images/throughput.svg', chart(results));
}
