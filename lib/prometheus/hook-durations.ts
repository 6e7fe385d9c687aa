import type { Histogram, Registry } from 'prom-client';
import type { HookName } from '../observability/events.js';

const NAME = 'websocket_server_hook_duration_seconds';
const HELP = 'How long hooks took, with the sending of what they returned';

interface Value {
  readonly metricName: string;
  readonly labels: object;
  readonly value: number;
}

/** Seconds. */
const BUCKETS: readonly number[] = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

/** How long one hook took on the servers of one label. */
export interface Durations {
  readonly labels: { readonly server: string; readonly hook: HookName };
  /** How many took no longer than each bucket, and longer than the one before; last those that took longer than all. */
  readonly counts: number[];
  sum: number;
}

/** Adds a duration. */
export function addDuration(durations: Durations, seconds: number): void {
  durations.sum += seconds;
  let bucket = 0;
  // Most hooks are short: they are in the first ones.
  while (bucket < BUCKETS.length && seconds > BUCKETS[bucket]!) bucket++;
  durations.counts[bucket]!++;
}

/**
 * The histogram of the durations of hooks. One of `prom-client` looks its labels up for each observation; here that is an addition, and
 * what the registry asks for is made when it is asked.
 */
export class HookDurations {
  readonly name = NAME;
  readonly #durations = new Map<string, Durations>();

  constructor(registry: Registry) {
    // A registry asks a metric for its name and what it reads; the types know prom-client's own classes only.
    registry.registerMetric(this as unknown as Histogram);
  }

  /** Where the durations of a hook are added up; the same ones for the same labels. */
  durationsOf(server: string, hook: HookName): Durations {
    const key = `${hook} ${server}`;
    let durations = this.#durations.get(key);
    if (durations === undefined) {
      durations = {
        labels: { server, hook },
        counts: Array.from({ length: BUCKETS.length + 1 }, () => 0),
        sum: 0,
      };
      this.#durations.set(key, durations);
    }
    return durations;
  }

  reset(): void {
    this.#durations.clear();
  }

  /** What the registry reads when it is scraped. */
  async get(): Promise<object> {
    const values: Value[] = [];
    for (const { labels, counts, sum } of this.#durations.values()) {
      let total = 0;
      for (const [bucket, count] of counts.entries()) {
        total += count;
        const le = BUCKETS[bucket] ?? '+Inf';
        values.push({ metricName: `${NAME}_bucket`, labels: { le, ...labels }, value: total });
      }
      values.push({ metricName: `${NAME}_sum`, labels, value: sum });
      values.push({ metricName: `${NAME}_count`, labels, value: total });
    }
    return { name: NAME, help: HELP, type: 'histogram', aggregator: 'sum', values };
  }
}
