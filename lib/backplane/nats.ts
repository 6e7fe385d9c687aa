import { randomUUID } from 'node:crypto';
import type { Msg, NatsConnection, NodeConnectionOptions, Subscription } from '@nats-io/transport-node';
import { BackplaneError } from '../errors/backplane.error.js';
import type { Backplane, BackplaneHistory, BackplaneObserver } from '../interfaces/index.js';
import { NatsHistory } from './nats-history.js';
import { NatsHistoryStreams } from './nats-history-streams.js';
import { MessageParts } from './nats-message-parts.js';
import { subjectName } from './nats-subject.js';
import { loadPackage } from './optional-package.js';
import { OutageReport } from './outage-report.js';
import { tellObserver } from './remembered-message.js';
import { Retry } from './retry.js';

/** Where {@link NatsBackplane} finds its servers: the options of `@nats-io/transport-node`, and these. */
export interface NatsBackplaneOptions extends NodeConnectionOptions {
  /** What the subjects of all channels begin with. Applications that share NATS need different ones. @default '4d' */
  prefix?: string;
  /**
   * Whether the application may start while NATS can't be reached. It then serves its own clients, tells `onError`, and
   * connects as soon as it can.
   *
   * @default false: the application does not start
   */
  startWithoutBroker?: boolean;
  /**
   * How many servers of a NATS cluster keep each message of a topic with history: 1, 3 or 5. It is said to streams when they are
   * made; those that are there keep theirs.
   *
   * @default 1
   */
  historyReplicas?: number;
}

type NatsClient = typeof import('@nats-io/transport-node');

const NAME = 'NatsBackplane';
const PART_HEADER = 'Message-Part';
/** Room for the header of a part. */
const HEADER_ROOM = 256;
const DEFAULTS = {
  /** A server that is silent for two of these is away. */
  pingInterval: 10_000,
  reconnectTimeWait: 500,
  timeout: 10_000,
} as const satisfies NodeConnectionOptions;

/** What the backplane promises depends on these. */
const REQUIRED = {
  reconnect: true,
  maxReconnectAttempts: -1,
  ignoreAuthErrorAbort: true,
  waitOnFirstConnect: false,
  noEcho: true,
} as const satisfies NodeConnectionOptions;

/**
 * Connects the instances of an application through core NATS (reference 14.2), with `@nats-io/transport-node`, which has to be
 * installed beside this package. Messages longer than the server's `max_payload` travel in parts.
 */
export class NatsBackplane implements Backplane {
  readonly #options: NodeConnectionOptions;
  readonly #prefix: string;
  readonly #startWithoutBroker: boolean;
  readonly #historyReplicas: number;
  /** The channels that are wanted; those without a subscription are still to be subscribed to. */
  readonly #subscriptions = new Map<string, Subscription | undefined>();
  readonly #parts = new MessageParts(randomUUID());
  #client: NatsClient | undefined;
  #observer: BackplaneObserver | undefined;
  #connection: NatsConnection | undefined;
  #history: NatsHistory | undefined;
  #historyUnavailable: string | undefined;
  #available = false;
  #outage: OutageReport | undefined;
  #flushing: Promise<void> | undefined;
  #flushNext: Promise<void> | undefined;
  #redial: NodeJS.Timeout | undefined;
  readonly #retry = new Retry(() => void this.#resubscribe());

  constructor(settings: NatsBackplaneOptions = {}) {
    const { prefix = '4d', startWithoutBroker = false, historyReplicas = 1, ...options } = settings;
    this.#options = { ...DEFAULTS, ...options, ...REQUIRED };
    this.#prefix = `${prefix}.`;
    this.#startWithoutBroker = startWithoutBroker;
    this.#historyReplicas = historyReplicas;
  }

  /** Keeps what is remembered in JetStream (reference 16.1); undefined without it, and before {@link connect}. */
  get history(): BackplaneHistory | undefined {
    return this.#history;
  }

  /** Why there is no {@link history}, for messages to people. */
  get historyUnavailable(): string | undefined {
    return this.#historyUnavailable;
  }

  /** @throws {BackplaneError} if @nats-io/transport-node is not installed, and if NATS can't be reached or refuses */
  async connect(observer: BackplaneObserver): Promise<void> {
    if (this.#observer !== undefined) {
      throw new BackplaneError(NAME, 'it is connected already; make one for each application');
    }
    this.#client = await loadPackage(
      NAME,
      '@nats-io/transport-node',
      () => import('@nats-io/transport-node'),
    );
    this.#observer = observer;
    this.#outage = new OutageReport(observer);
    try {
      await this.#dial();
    } catch (error) {
      const failure = this.#failure(error as Error);
      if (!this.#startWithoutBroker) {
        await this.close();
        throw failure;
      }
      this.#outage?.away(failure);
      this.#dialLater();
    }
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    const refusals: Error[] = [];
    const refused = (channel: string, error: Error): void => {
      // Who was refused asks again, or does not; the end of an outage does not wait for it.
      this.#subscriptions.delete(channel);
      refusals.push(error);
    };
    let answered = false;
    for (const channel of channels) {
      this.#subscribe(channel, (error) =>
        answered ? this.#revoked(channel, error) : refused(channel, error),
      );
    }
    if (!this.#available) return;
    // The server's refusals come before its answer to a ping.
    await this.#flush();
    answered = true;
    if (refusals.length > 0) throw refusals[0]!;
  }

  unsubscribe(channels: readonly string[]): void {
    for (const channel of channels) {
      const subscription = this.#subscriptions.get(channel);
      this.#subscriptions.delete(channel);
      if (this.#connection?.isClosed() === false) subscription?.unsubscribe();
    }
  }

  publish(channel: string, message: Uint8Array): Promise<void> {
    const connection = this.#connection!;
    if (connection.isClosed()) return Promise.resolve();
    const subject = this.#prefix + subjectName(channel);
    const maxPayload = connection.info?.max_payload ?? Infinity;
    if (message.length <= maxPayload) {
      connection.publish(subject, message);
    } else {
      for (const [part, header] of this.#parts.split(message, maxPayload - HEADER_ROOM)) {
        const headers = this.#client!.headers();
        headers.set(PART_HEADER, header);
        connection.publish(subject, part, { headers });
      }
    }
    return this.#flush();
  }

  async close(): Promise<void> {
    clearTimeout(this.#redial);
    this.#retry.stop();
    this.#observer = undefined;
    this.#available = false;
    this.#outage = undefined;
    this.#subscriptions.clear();
    this.#parts.clear();
    this.#history?.lost(new Error('the backplane is closed'));
    this.#history = undefined;
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.close().catch(() => undefined);
  }

  async #dial(): Promise<void> {
    const connection = await this.#client!.connect(this.#options);
    const observer = this.#observer;
    if (observer === undefined) {
      // Closed meanwhile.
      await connection.close();
      return;
    }
    this.#connection = connection;
    this.#available = true;
    await this.#openHistory(connection);
    void this.#watch(connection);
    // Those of a connection before are gone with it.
    for (const channel of this.#subscriptions.keys()) this.#subscriptions.set(channel, undefined);
    await this.#resubscribe();
  }

  async #openHistory(connection: NatsConnection): Promise<void> {
    this.#history = undefined;
    try {
      const { jetstream, jetstreamManager } = await loadPackage(
        NAME,
        '@nats-io/jetstream',
        () => import('@nats-io/jetstream'),
      );
      const manager = await jetstreamManager(connection);
      const streams = new NatsHistoryStreams(manager, this.#prefix, this.#historyReplicas);
      const maxPayload = (): number | undefined =>
        this.#available ? (connection.info?.max_payload ?? Infinity) : undefined;
      const createHeaders = this.#client!.headers;
      this.#history = new NatsHistory(jetstream(connection), streams, { maxPayload, createHeaders });
      this.#historyUnavailable = undefined;
    } catch (error) {
      this.#historyUnavailable =
        error instanceof BackplaneError
          ? error.message
          : `JetStream of NATS at ${this.#addresses()} can not be used: ${(error as Error).message}; ${adviceOn(error)}`;
    }
  }

  #dialLater(): void {
    // Closed meanwhile.
    if (this.#observer === undefined) return;
    const { reconnectTimeWait } = this.#options;
    this.#redial = setTimeout(() => {
      this.#dial().catch(() => this.#dialLater());
    }, reconnectTimeWait);
  }

  /** The client connects again by itself, and subscribes again; only if it gives up a new connection is made. */
  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (connection !== this.#connection) return;
      if (status.type === 'disconnect') this.#lost(new Error('the connection closed'));
      if (status.type === 'reconnect') {
        this.#available = true;
        void this.#resubscribe();
      }
    }
    const error = await connection.closed();
    if (connection !== this.#connection) return;
    this.#connection = undefined;
    this.#lost(error instanceof Error ? error : new Error('the connection closed'));
    this.#dialLater();
  }

  /** An outage ends when the server has all subscriptions; if it refuses any, it is asked again. */
  async #resubscribe(): Promise<void> {
    const connection = this.#connection!;
    try {
      for (const channel of this.#subscriptions.keys()) {
        this.#subscribe(channel, (error) => this.#revoked(channel, error));
      }
      // Those that the client has sent again by itself are answered by then, too.
      if (this.#subscriptions.size > 0) await connection.flush();
    } catch {
      // Lost once more.
      return;
    }
    if (connection !== this.#connection || !this.#available) return;
    for (const subscription of this.#subscriptions.values()) if (subscription === undefined) return;
    this.#retry.stop();
    this.#outage?.back();
  }

  /** The server refuses a channel that it had. */
  #revoked(channel: string, cause: Error): void {
    this.#subscriptions.set(channel, undefined);
    // One refusal of each attempt is told.
    if (this.#retry.isScheduled) return;
    this.#retry.schedule();
    this.#outage?.refused(
      new BackplaneError(NAME, `NATS at ${this.#addresses()} refuses to subscribe: ${cause.message}`, {
        cause,
      }),
    );
  }

  #lost(error: Error): void {
    this.#parts.clear();
    this.#retry.stop();
    this.#history?.lost(error);
    if (!this.#available) return;
    this.#available = false;
    this.#outage?.away(this.#failure(error));
  }

  /** Subscribes to a channel, if there is a connection and no subscription yet. */
  #subscribe(channel: string, refused: (error: Error) => void): void {
    const present = this.#subscriptions.get(channel);
    this.#subscriptions.set(channel, present);
    if (present !== undefined || this.#connection === undefined) return;
    const callback = (error: Error | null, message: Msg): void => {
      if (error !== null) {
        // The client has dropped it by now.
        if (this.#subscriptions.get(channel) === subscription) refused(error);
        return;
      }
      const part = message.headers?.get(PART_HEADER);
      const whole =
        part === undefined || part === '' ? message.data : this.#parts.join(channel, part, message.data);
      if (whole !== undefined && this.#observer !== undefined) tellObserver(this.#observer, channel, whole);
    };
    const subscription = this.#connection.subscribe(this.#prefix + subjectName(channel), { callback });
    this.#subscriptions.set(channel, subscription);
  }

  /** Waits for the server to have all that was sent; one ping answers for all that was published before it. */
  #flush(): Promise<void> {
    this.#flushNext ??= this.#flushAfter(this.#flushing);
    return this.#flushNext;
  }

  async #flushAfter(flushing: Promise<void> | undefined): Promise<void> {
    await flushing;
    this.#flushing = this.#flushNext;
    this.#flushNext = undefined;
    // What an outage takes is lost.
    await this.#connection?.flush().catch(() => undefined);
  }

  #failure(cause: Error): BackplaneError {
    return new BackplaneError(NAME, `no connection to NATS at ${this.#addresses()}: ${cause.message}`, {
      cause,
    });
  }

  #addresses(): string {
    const { servers = '127.0.0.1:4222' } = this.#options;
    return [servers].flat().map(withoutPassword).join(', ');
  }
}

function adviceOn(error: unknown): string {
  return (error as Error).message.includes('Permissions Violation')
    ? 'its user needs what docs/history-stores.md lists under "Permissions"'
    : 'start nats-server with JetStream (-js)';
}

function withoutPassword(server: string): string {
  return server.replace(/^([a-z]+:\/\/)?[^@/]*@/i, '$1');
}
