import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { Registry } from 'prom-client';
import { WebSocketServerRegistry } from '../handlers/web-socket-server.registry.js';
import { BoundedNames } from '../observability/bounded-names.js';
import { KNOWN_CODES } from '../observability/known-codes.js';
import type {
  ConnectionCloseEvent,
  DiagnosticsEvents,
  ErrorEvent,
  HandshakeContext,
  HandshakeOutcome,
  HookContext,
  LimitEvent,
  MessageEvent,
} from '../server/diagnostics.js';
import type { ServerStats } from '../server/server-stats.js';
import type { WebSocketServer } from '../server/web-socket-server.js';
import { checkMetricsOptions, METRICS_OPTIONS, type WebSocketMetricsOptions } from './metrics-options.js';
import { addDuration, type Durations } from './hook-durations.js';
import { Metrics, type MessageCounts, type MetricsSource } from './metrics.js';

/** How many servers have a label of their own, and how many codes beside those that are known. */
const MOST_SERVERS = 100;
const MOST_CODES = 50;

/** The label of the server of all other paths. */
const OTHER_PATHS = '*';

/** The label of handshakes for a path that nobody serves. */
const NO_SERVER = '';

const OUTCOMES: readonly HandshakeOutcome[] = ['accepted', 'refused', 'failed', 'rejected'];

/** What most connections are closed with: their rates are known before the first one is. */
const USUAL_CODES = ['1000', '1001', '1005', '1006', '1008', '1009', '1011', '1013'];

type Subscriber = (event: unknown) => void;

/** What is counted for the servers of one label. */
interface ServerCounts extends MessageCounts {
  onMessage: Durations | undefined;
}

/** Counts what the application's servers tell of on the diagnostics channels (reference 18.2). */
@Injectable()
export class MetricsCollector
  implements MetricsSource, OnModuleInit, OnApplicationBootstrap, OnModuleDestroy
{
  readonly registry: Registry;
  readonly #measuresHooks: boolean;
  readonly #servers: WebSocketServerRegistry;
  readonly #logger = new Logger('WebSocketMetricsModule');
  readonly #labels = new BoundedNames(MOST_SERVERS, [NO_SERVER, OTHER_PATHS]);
  readonly #closeCodes = new BoundedNames(MOST_CODES, KNOWN_CODES);
  readonly #errorCodes = new BoundedNames(MOST_CODES, KNOWN_CODES);
  readonly #counts = new Map<string, ServerCounts>();
  /** Null for servers of other applications in the process. */
  readonly #countsOf = new WeakMap<WebSocketServer, ServerCounts | null>();
  readonly #subscriptions: (readonly [channel: string, subscriber: Subscriber])[] = [];
  #metrics: Metrics | undefined;
  #hasFailed = false;
  #stats: readonly (readonly [string, ServerStats])[] | undefined;

  constructor(
    @Inject(METRICS_OPTIONS) options: WebSocketMetricsOptions,
    @Inject(WebSocketServerRegistry) servers: WebSocketServerRegistry,
  ) {
    checkMetricsOptions(options);
    this.registry = options.registry ?? new Registry();
    this.#measuresHooks = options.hooks ?? true;
    this.#servers = servers;
  }

  /** @throws {MetricExistsError} if the registry has metrics of these names */
  onModuleInit(): void {
    const metrics = new Metrics(this.registry, this);
    this.#metrics = metrics;
    this.#on<MessageEvent>('message:received', ({ server, bytes }) => {
      const counts = this.#of(server);
      if (counts === null) return;
      counts.received++;
      counts.receivedBytes += bytes;
    });
    this.#on<MessageEvent>('message:sent', ({ server, bytes }) => {
      const counts = this.#of(server);
      if (counts === null) return;
      counts.sent++;
      counts.sentBytes += bytes;
    });
    this.#on<ConnectionCloseEvent>('connection:close', ({ server, code, duration }) => {
      const label = this.#of(server)?.label;
      if (label === undefined) return;
      metrics.closes.inc({ server: label, code: this.#closeCodes.of(String(code)) });
      metrics.connectionDuration.observe({ server: label }, duration / 1000);
    });
    this.#on<ErrorEvent>('error', ({ server, errors: [{ errCode, componentSignature }] }) => {
      const label = this.#of(server)?.label;
      if (label === undefined) return;
      const code = this.#errorCodes.of(String(errCode));
      metrics.errors.inc({ server: label, code, component: componentSignature });
    });
    this.#on<LimitEvent>('limit', ({ server, limit }) => {
      const label = this.#of(server)?.label;
      if (label !== undefined) metrics.limits.inc({ server: label, limit });
    });
    this.#onEnd<HandshakeContext>('handshake', ({ server, outcome, duration }) => {
      const label = server === undefined ? NO_SERVER : this.#of(server)?.label;
      if (label === undefined) return;
      metrics.handshakes.inc({ server: label, outcome: outcome! });
      metrics.handshakeDuration.observe({ server: label }, duration! / 1000);
    });
    if (!this.#measuresHooks) return;
    this.#onEnd<HookContext>('hook', ({ server, hook, duration }) => {
      const counts = this.#of(server);
      if (counts === null) return;
      // A message's are looked up once for each server.
      if (hook === 'onMessage') counts.onMessage ??= metrics.hookDurations.durationsOf(counts.label, hook);
      addDuration(
        hook === 'onMessage' ? counts.onMessage! : metrics.hookDurations.durationsOf(counts.label, hook),
        duration! / 1000,
      );
    });
  }

  onApplicationBootstrap(): void {
    for (const server of this.#servers) this.#of(server);
  }

  onModuleDestroy(): void {
    for (const [channel, subscriber] of this.#subscriptions.splice(0)) unsubscribe(channel, subscriber);
    this.#metrics?.remove();
  }

  messages(): Iterable<MessageCounts> {
    // A server that was made at run time, and has had no client yet.
    for (const server of this.#servers) this.#of(server);
    return this.#counts.values();
  }

  stats(): Iterable<readonly [label: string, stats: ServerStats]> {
    if (this.#stats === undefined) {
      this.#stats = Array.from(this.#servers, (server) => [this.#of(server)!.label, server.stats()] as const);
      // One look at the connections serves all metrics of a scrape.
      setImmediate(() => (this.#stats = undefined));
    }
    return this.#stats;
  }

  #of(server: WebSocketServer): ServerCounts | null {
    const known = this.#countsOf.get(server);
    if (known !== undefined) return known;
    const isOurs = [...this.#servers].includes(server);
    const counts = isOurs ? this.#begin(this.#labels.of(server.path ?? OTHER_PATHS)) : null;
    this.#countsOf.set(server, counts);
    return counts;
  }

  /** What is counted has a series from the beginning: the first one of it is an increase, too. */
  #begin(label: string): ServerCounts {
    let counts = this.#counts.get(label);
    if (counts !== undefined) return counts;
    counts = { label, received: 0, receivedBytes: 0, sent: 0, sentBytes: 0, onMessage: undefined };
    this.#counts.set(label, counts);
    const { handshakes, closes } = this.#metrics!;
    for (const outcome of OUTCOMES) handshakes.inc({ server: label, outcome }, 0);
    for (const code of USUAL_CODES) closes.inc({ server: label, code }, 0);
    return counts;
  }

  #on<Event extends DiagnosticsEvents[keyof DiagnosticsEvents]>(
    name: string,
    count: (event: Event) => void,
  ): void {
    this.#subscribe(`nestjs-4d-websocket:${name}`, count as Subscriber);
  }

  #onEnd<Context>(name: string, count: (context: Context) => void): void {
    this.#subscribe(`tracing:nestjs-4d-websocket:${name}:asyncEnd`, count as Subscriber);
  }

  /** What a subscriber throws would end the process. */
  #subscribe(channel: string, count: Subscriber): void {
    const subscriber: Subscriber = (event) => {
      try {
        count(event);
      } catch (error) {
        if (this.#hasFailed) return;
        this.#hasFailed = true;
        this.#logger.error('Something is not counted', error instanceof Error ? error.stack : undefined);
      }
    };
    this.#subscriptions.push([channel, subscriber]);
    subscribe(channel, subscriber);
  }
}
