import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ServerStats } from '../server/server-stats.js';
import { HookDurations } from './hook-durations.js';
import { MetricExistsError } from './metric-exists.error.js';

/** What is counted of the messages of the servers of one label. */
export interface MessageCounts {
  readonly label: string;
  received: number;
  receivedBytes: number;
  sent: number;
  sentBytes: number;
}

/** What the metrics read when they are scraped. */
export interface MetricsSource {
  messages(): Iterable<MessageCounts>;
  /** How the servers stand, by their labels. */
  stats(): Iterable<readonly [label: string, stats: ServerStats]>;
}

const CONNECTION_BUCKETS = [1, 10, 60, 300, 1800, 3600, 4 * 3600, 24 * 3600];
const HANDSHAKE_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

/** A gauge of how servers stand; undefined where there is nothing of the kind. */
type Reading = (stats: ServerStats) => number | undefined;

const READINGS: Readonly<Record<string, readonly [help: string, read: Reading]>> = {
  websocket_server_connections: ['Open connections', ({ connections }) => connections],
  websocket_server_pending_handshakes: [
    'Handshakes that onConnection, or what is around it, has not decided yet',
    ({ handshakes }) => handshakes,
  ],
  websocket_server_queued_messages: [
    'Messages of clients that wait for the hook before them',
    ({ queuedMessages }) => queuedMessages,
  ],
  websocket_server_unread_bytes: [
    'Bytes that were sent and that clients have not taken yet',
    ({ unreadBytes }) => unreadBytes,
  ],
  websocket_server_topics: ['Topics that have subscribers on this instance', ({ topics }) => topics],
  websocket_server_backplane_up: [
    'Whether other instances can be reached: 1 or 0',
    ({ backplane }) => (backplane === undefined ? undefined : Number(backplane)),
  ],
  websocket_server_history_topics: [
    'Topics with history that have subscribers',
    ({ history }) => history?.topics,
  ],
  websocket_server_history_messages: [
    'Messages of these topics that are remembered, at most',
    ({ history }) => history?.messages,
  ],
  websocket_server_history_lag: [
    'Messages of these topics that were appended, and not delivered on this instance yet',
    ({ history }) => history?.lag,
  ],
};

/** The metrics of an application's servers, on a registry (reference 18.2). */
export class Metrics {
  readonly handshakes: Counter<'server' | 'outcome'>;
  readonly closes: Counter<'server' | 'code'>;
  readonly errors: Counter<'server' | 'code' | 'component'>;
  readonly limits: Counter<'server' | 'limit'>;
  readonly connectionDuration: Histogram<'server'>;
  readonly handshakeDuration: Histogram<'server'>;
  readonly hookDurations: HookDurations;
  readonly #registry: Registry;
  readonly #names: string[] = [];

  /** @throws {MetricExistsError} if the registry has a metric of one of the names; then it is left as it was */
  constructor(registry: Registry, source: MetricsSource) {
    this.#registry = registry;
    for (const name of METRIC_NAMES) {
      if (registry.getSingleMetric(name) !== undefined) throw new MetricExistsError(name);
      this.#names.push(name);
    }
    const registers = [registry];
    for (const [name, [help, read]] of Object.entries(READINGS)) {
      const collect = (): void => {
        gauge.reset();
        for (const [server, stats] of source.stats()) {
          const value = read(stats);
          if (value !== undefined) gauge.inc({ server }, value);
        }
      };
      const gauge = new Gauge({ name, help, labelNames: ['server'], registers, collect });
    }
    this.#countMessages('websocket_server_messages_total', 'Messages', registers, (direction) => {
      const key = direction;
      return () => Array.from(source.messages(), (counts) => [counts.label, counts[key]] as const);
    });
    this.#countMessages(
      'websocket_server_bytes_total',
      'Bytes of messages, not compressed',
      registers,
      (direction) => {
        const key = `${direction}Bytes` as const;
        return () => Array.from(source.messages(), (counts) => [counts.label, counts[key]] as const);
      },
    );
    this.handshakes = new Counter({
      name: 'websocket_server_handshakes_total',
      help: 'Handshakes that are over, by how they ended',
      labelNames: ['server', 'outcome'],
      registers,
    });
    this.closes = new Counter({
      name: 'websocket_server_closes_total',
      help: 'Connections that were closed, by close code',
      labelNames: ['server', 'code'],
      registers,
    });
    this.errors = new Counter({
      name: 'websocket_server_errors_total',
      help: 'Failures that an onError, or the log, was told of',
      labelNames: ['server', 'code', 'component'],
      registers,
    });
    this.limits = new Counter({
      name: 'websocket_server_limits_total',
      help: 'Times that clients came to a limit, by the option',
      labelNames: ['server', 'limit'],
      registers,
    });
    this.connectionDuration = new Histogram({
      name: 'websocket_server_connection_duration_seconds',
      help: 'How long connections were open that are closed',
      labelNames: ['server'],
      buckets: CONNECTION_BUCKETS,
      registers,
    });
    this.handshakeDuration = new Histogram({
      name: 'websocket_server_handshake_duration_seconds',
      help: 'From the upgrade request to its answer',
      labelNames: ['server'],
      buckets: HANDSHAKE_BUCKETS,
      registers,
    });
    this.hookDurations = new HookDurations(registry);
  }

  /** Takes them off the registry. */
  remove(): void {
    for (const name of this.#names) this.#registry.removeSingleMetric(name);
  }

  /** The totals are kept elsewhere, where a message costs an addition; they are taken over when they are scraped. */
  #countMessages(
    name: string,
    help: string,
    registers: Registry[],
    totalsOf: (direction: 'received' | 'sent') => () => readonly (readonly [label: string, total: number])[],
  ): void {
    const directions = (['received', 'sent'] as const).map(
      (direction) => [direction, totalsOf(direction)] as const,
    );
    const collect = (): void => {
      counter.reset();
      for (const [direction, totals] of directions)
        for (const [server, total] of totals()) counter.inc({ server, direction }, total);
    };
    const counter = new Counter({ name, help, labelNames: ['server', 'direction'], registers, collect });
  }
}

const METRIC_NAMES: readonly string[] = [
  ...Object.keys(READINGS),
  'websocket_server_messages_total',
  'websocket_server_bytes_total',
  'websocket_server_handshakes_total',
  'websocket_server_closes_total',
  'websocket_server_errors_total',
  'websocket_server_limits_total',
  'websocket_server_connection_duration_seconds',
  'websocket_server_handshake_duration_seconds',
  'websocket_server_hook_duration_seconds',
];
