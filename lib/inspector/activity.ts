import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type {
  BackplaneEvent,
  ConnectionCloseEvent,
  ConnectionOpenEvent,
  ErrorEvent,
  HandshakeContext,
  LimitEvent,
  MessageEvent,
} from '../server/diagnostics.js';
import type { WebSocketServer } from '../server/web-socket-server.js';
import type { Happening, Second, ServerActivity } from './contract.js';
import { Feed } from './feed.js';
import { pathOf, WatchedServers } from './watched-servers.js';

const SECOND = 1000;

/** How many happenings a second tells of; the others are counted. */
const MOST_HAPPENINGS = 100;

/** How many seconds may wait for a page. */
const MOST_SECONDS = 5;

type Counts = Pick<
  ServerActivity,
  'received' | 'sent' | 'receivedBytes' | 'sentBytes' | 'opened' | 'closed' | 'refused' | 'errors'
>;

const noCounts = (): { -readonly [K in keyof Counts]: number } => ({
  received: 0,
  sent: 0,
  receivedBytes: 0,
  sentBytes: 0,
  opened: 0,
  closed: 0,
  refused: 0,
  errors: 0,
});

/** Counts what the servers do, for as long as a page looks (reference 18.3). */
@Injectable()
export class Activity implements OnModuleDestroy {
  readonly #feeds = new Set<Feed<Second>>();
  readonly #ends: (() => void)[] = [];
  #counts = new Map<WebSocketServer, ReturnType<typeof noCounts>>();
  #happenings: Happening[] = [];
  #left = 0;
  #cpu = process.cpuUsage();
  #cpuAt = performance.now();
  #delay: IntervalHistogram | undefined;

  constructor(private readonly servers: WatchedServers) {}

  onModuleDestroy(): void {
    for (const feed of this.#feeds) feed.end();
  }

  /** What happens in each second from now on. */
  watch(): Feed<Second> {
    const feed = new Feed<Second>(MOST_SECONDS, () => {
      this.#feeds.delete(feed);
      if (this.#feeds.size === 0) this.#stop();
    });
    if (this.#feeds.size === 0) this.#start();
    this.#feeds.add(feed);
    return feed;
  }

  #start(): void {
    this.#cpu = process.cpuUsage();
    this.#cpuAt = performance.now();
    this.#delay = monitorEventLoopDelay({ resolution: 10 });
    this.#delay.enable();
    const timer = setInterval(() => this.#tell(), SECOND);
    this.#ends.push(() => clearInterval(timer));
    this.#on<MessageEvent>('message:received', ({ server, bytes }) => {
      const counts = this.#of(server);
      counts.received++;
      counts.receivedBytes += bytes;
    });
    this.#on<MessageEvent>('message:sent', ({ server, bytes }) => {
      const counts = this.#of(server);
      counts.sent++;
      counts.sentBytes += bytes;
    });
    this.#on<ConnectionOpenEvent>('connection:open', ({ server, connection }) => {
      this.#of(server).opened++;
      this.#happened('open', server, connection.id, () => `from ${connection.remoteAddress}`);
    });
    this.#on<ConnectionCloseEvent>('connection:close', ({ server, connection, code, reason }) => {
      this.#of(server).closed++;
      this.#happened('close', server, connection.id, () => `${code} ${reason}`.trimEnd());
    });
    this.#on<ErrorEvent>('error', ({ server, connection, errors: [error] }) => {
      this.#of(server).errors++;
      const { componentSignature, errCode, message } = error;
      this.#happened('error', server, connection?.id, () => `${componentSignature} ${errCode}: ${message}`);
    });
    this.#on<LimitEvent>('limit', ({ server, connection, limit }) =>
      this.#happened('limit', server, connection?.id, () => limit),
    );
    this.#on<BackplaneEvent>('backplane', ({ available, error }) =>
      this.#happened('backplane', undefined, undefined, () =>
        available
          ? 'other instances can be reached'
          : `other instances can not be reached: ${error?.message}`,
      ),
    );
    this.#on<HandshakeContext>('handshake:asyncEnd', ({ server, request, outcome, status, reason }) => {
      if (outcome === 'accepted') return;
      if (server !== undefined) this.#of(server).refused++;
      this.#happened('refused', server, undefined, () => {
        const path = (request.url ?? '').split('?', 1)[0];
        return `${outcome} ${path} from ${request.socket.remoteAddress}: ${status ?? 'no answer'} ${reason ?? ''}`;
      });
    });
  }

  #stop(): void {
    for (const end of this.#ends.splice(0)) end();
    this.#delay?.disable();
    this.#counts = new Map();
    this.#happenings = [];
    this.#left = 0;
  }

  #of(server: WebSocketServer): ReturnType<typeof noCounts> {
    let counts = this.#counts.get(server);
    if (counts === undefined) this.#counts.set(server, (counts = noCounts()));
    return counts;
  }

  #happened(
    kind: Happening['kind'],
    server: WebSocketServer | undefined,
    connection: number | undefined,
    text: () => string,
  ): void {
    if (server !== undefined && !this.servers.has(server)) return;
    if (this.#happenings.length >= MOST_HAPPENINGS) this.#left++;
    else
      this.#happenings.push({
        at: Date.now(),
        kind,
        server: pathOf(server),
        connection,
        text: text().slice(0, 500),
      });
  }

  #tell(): void {
    const second: Second = {
      at: Date.now(),
      servers: Array.from(this.servers, (server) => this.#activityOf(server)),
      happenings: this.#happenings,
      left: this.#left,
      cpu: this.#cpuShare(),
      memory: process.memoryUsage.rss(),
      delay: this.#delay!.percentile(99) / 1e6,
    };
    this.#delay!.reset();
    this.#counts = new Map();
    this.#happenings = [];
    this.#left = 0;
    for (const feed of this.#feeds) feed.push(() => second);
  }

  #activityOf(server: WebSocketServer): ServerActivity {
    const { history: _history, ...stats } = server.stats();
    return {
      id: this.servers.idOf(server),
      path: pathOf(server),
      handler: this.servers.nameOf(server),
      isClosing: server.closing,
      ...stats,
      ...(this.#counts.get(server) ?? noCounts()),
    };
  }

  #cpuShare(): number {
    const now = performance.now();
    const { user, system } = process.cpuUsage(this.#cpu);
    const share = (user + system) / 1000 / (now - this.#cpuAt);
    this.#cpu = process.cpuUsage();
    this.#cpuAt = now;
    return share;
  }

  /** What a subscriber throws would end the process: one that fails tells nothing. */
  #on<Event>(name: string, hear: (event: Event) => void): void {
    const channel = `${name.includes('async') ? 'tracing:' : ''}nestjs-4d-websocket:${name}`;
    const subscriber = (event: unknown): void => {
      try {
        hear(event as Event);
      } catch {
        // What can't be told is left out.
      }
    };
    subscribe(channel, subscriber);
    this.#ends.push(() => unsubscribe(channel, subscriber));
  }
}
