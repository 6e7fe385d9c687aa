import { measureAudience, type Speech } from '../audience.js';
import { NEWS, TOPIC } from '../contenders/contender.js';
import type { ServerProcess } from '../server-process.js';
import type { Entry, Scenario, Target } from './measurement.js';

/** On all instances together. */
const SUBSCRIBERS = 10;

function speech(path: string): Speech {
  return { path, ask: (count) => `${TOPIC} ${count}`, news: NEWS };
}

const FORGOTTEN = speech('/forgotten');
const REMEMBERED = speech('/remembered');

interface Pair {
  instances: number;
  without: string;
  withHistory: string;
}

const PAIRS: readonly Pair[] = [
  { instances: 1, without: 'one instance, without', withHistory: 'one instance, with history' },
  { instances: 2, without: 'two instances, without', withHistory: 'two instances, with history' },
];

function entries(messages: number): Entry[] {
  const entry = (name: string, instances: number, spoken: Speech): Entry => ({
    name,
    contender: 'four-d-history',
    broker: 'redis',
    instances,
    measure: (...servers: ServerProcess[]) =>
      measureAudience(servers, spoken, SUBSCRIBERS, messages, messages),
  });
  return PAIRS.flatMap(({ instances, without, withHistory }) => [
    entry(without, instances, FORGOTTEN),
    entry(withHistory, instances, REMEMBERED),
  ]);
}

function targets(most: number): Target[] {
  return PAIRS.flatMap(({ without, withHistory }): Target[] => [
    { what: 'CPU per publish', of: withHistory, against: without, by: 'cost', most },
    { what: 'milliseconds added', of: withHistory, against: without, by: 'latency added', most: 1 },
  ]);
}

export const historyScenarios: readonly Scenario[] = [
  {
    name: 'history',
    title: `Publish to a topic of ${SUBSCRIBERS} clients, with history in Redis and without, one message a turn`,
    unit: 'publish',
    entries: entries(1),
    targets: targets(2),
  },
  {
    name: 'history-burst',
    title: `Publish to a topic of ${SUBSCRIBERS} clients, with history in Redis and without, 10 messages a turn`,
    unit: 'publish',
    entries: entries(10),
    targets: targets(1.5),
  },
];
