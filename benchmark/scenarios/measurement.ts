import type { BrokerName } from '../broker-process.js';
import type { ServerProcess } from '../server-process.js';

/** What one contender did in one round of a scenario. */
export interface Measurement {
  /** Operations (messages, deliveries, connections) a second; undefined where time does not matter. */
  throughput?: number;
  /** What one operation costs: microseconds of the server's processor, or bytes of its memory; undefined where it does not matter. */
  cost?: number;
  /** From asking for a message to having it, in milliseconds; measured where it is the question. */
  latency?: { median: number; p99: number };
  /** What the scenario's own columns show, by their titles. */
  figures?: Readonly<Record<string, number>>;
}

/** A column of a scenario's own. */
export interface Column {
  /** What the figures of all rounds make together. */
  of(figures: readonly number[]): number;
  show(figure: number): string;
}

/** A contender in a scenario. */
export interface Entry {
  /** Its name in the tables. */
  name: string;
  /** The file of its server. */
  contender: string;
  /** The broker between its instances. @default none */
  broker?: BrokerName;
  /** How many processes of it there are. @default 1 */
  instances?: number;
  /** Measures it once. */
  measure(server: ServerProcess, ...others: ServerProcess[]): Promise<Measurement>;
}

/** Something to be reached: one contender against another. */
export interface Target {
  what: string;
  of: string;
  against: string;
  /** `latency added` is a difference, in milliseconds; the others are ratios. */
  by: 'throughput' | 'cost' | 'work per CPU' | 'latency added';
  least?: number;
  most?: number;
}

export interface Scenario {
  name: string;
  title: string;
  unit: string;
  /** Its own columns, by their titles. @default none */
  columns?: Readonly<Record<string, Column>>;
  entries: readonly Entry[];
  targets: readonly Target[];
}

/** The names in the tables. */
export const OURS = 'this package';
export const WS = 'plain ws';
export const PLATFORM_WS = '@nestjs/platform-ws';

/** Runs some work, and tells what it cost the servers. */
export async function measureWork(
  servers: readonly ServerProcess[],
  seconds: number,
  work: (until: number) => Promise<number>,
): Promise<Measurement> {
  const cpu = async (): Promise<number> => {
    const used = await Promise.all(servers.map((server) => server.cpu()));
    return used.reduce((sum, each) => sum + each, 0);
  };
  const before = await cpu();
  const started = performance.now();
  const operations = await work(started + seconds * 1000);
  const elapsed = (performance.now() - started) / 1000;
  const used = (await cpu()) - before;
  return { throughput: operations / elapsed, cost: used / operations };
}
