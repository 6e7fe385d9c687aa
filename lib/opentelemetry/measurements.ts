import type { Meter, ObservableResult } from '@opentelemetry/api';
import { BoundedNames } from '../observability/bounded-names.js';
import { KNOWN_CODES } from '../observability/known-codes.js';
import type {
  ConnectionCloseEvent,
  ConnectionOpenEvent,
  ErrorEvent,
  HandshakeContext,
  HookContext,
  LimitEvent,
  MessageEvent,
} from '../server/diagnostics.js';
import type { WebSocketServer } from '../server/web-socket-server.js';
import { pathOf } from './span-attributes.js';
import type { Subscriptions } from './subscriptions.js';

/** How many servers, and how many codes beside those that are known, have an attribute value of their own. */
const MOST_SERVERS = 100;
const MOST_CODES = 50;

/** The attribute of all measurements. */
const PATH = 'websocket.server.path';

interface MessageCounts {
  received: number;
  receivedBytes: number;
  sent: number;
  sentBytes: number;
}

/** The metrics of all servers of the process (reference 18.2). Times are in seconds. */
export class Measurements {
  readonly #paths = new BoundedNames(MOST_SERVERS, ['*', '']);
  readonly #closeCodes = new BoundedNames(MOST_CODES, KNOWN_CODES);
  readonly #errorCodes = new BoundedNames(MOST_CODES, KNOWN_CODES);
  readonly #pathOf = new WeakMap<WebSocketServer, string>();
  readonly #counts = new Map<string, MessageCounts>();
  readonly #countsOf = new WeakMap<WebSocketServer, MessageCounts>();

  begin(meter: Meter, subscriptions: Subscriptions): void {
    this.#countMessages(meter, subscriptions);
    this.#measureHandshakes(meter, subscriptions);
    this.#measureConnections(meter, subscriptions);
    const hooks = meter.createHistogram('websocket.server.hook.duration', { unit: 's' });
    subscriptions.add<HookContext>('tracing:hook:asyncEnd', ({ server, hook, duration }) =>
      hooks.record(duration! / 1000, { [PATH]: this.#path(server), 'websocket.hook': hook }),
    );
    const errors = meter.createCounter('websocket.server.errors', { unit: '{error}' });
    subscriptions.add<ErrorEvent>('error', ({ server, errors: [{ errCode, componentSignature }] }) =>
      errors.add(1, {
        [PATH]: this.#path(server),
        'error.type': this.#errorCodes.of(String(errCode)),
        'websocket.component': componentSignature,
      }),
    );
    const limits = meter.createCounter('websocket.server.limits', { unit: '{event}' });
    subscriptions.add<LimitEvent>('limit', ({ server, limit }) =>
      limits.add(1, { [PATH]: this.#path(server), 'websocket.limit': limit }),
    );
  }

  #measureHandshakes(meter: Meter, subscriptions: Subscriptions): void {
    const handshakes = meter.createHistogram('websocket.server.handshake.duration', { unit: 's' });
    subscriptions.add<HandshakeContext>('tracing:handshake:asyncEnd', ({ server, outcome, duration }) =>
      handshakes.record(duration! / 1000, {
        [PATH]: server === undefined ? '' : this.#path(server),
        'websocket.handshake.outcome': outcome,
      }),
    );
  }

  #measureConnections(meter: Meter, subscriptions: Subscriptions): void {
    const open = meter.createUpDownCounter('websocket.server.connections', { unit: '{connection}' });
    const durations = meter.createHistogram('websocket.server.connection.duration', { unit: 's' });
    // Those that were open before are not counted when they close.
    const counted = new WeakSet<object>();
    subscriptions.add<ConnectionOpenEvent>('connection:open', ({ server, connection }) => {
      counted.add(connection);
      open.add(1, { [PATH]: this.#path(server) });
    });
    subscriptions.add<ConnectionCloseEvent>('connection:close', ({ server, connection, code, duration }) => {
      const path = this.#path(server);
      if (counted.has(connection)) open.add(-1, { [PATH]: path });
      durations.record(duration / 1000, {
        [PATH]: path,
        'websocket.close.code': this.#closeCodes.of(String(code)),
      });
    });
  }

  /** A message costs an addition; the totals are read when they are collected. */
  #countMessages(meter: Meter, subscriptions: Subscriptions): void {
    subscriptions.add<MessageEvent>('message:received', ({ server, bytes }) => {
      const counts = this.#messagesOf(server);
      counts.received++;
      counts.receivedBytes += bytes;
    });
    subscriptions.add<MessageEvent>('message:sent', ({ server, bytes }) => {
      const counts = this.#messagesOf(server);
      counts.sent++;
      counts.sentBytes += bytes;
    });
    const observe = (
      name: string,
      unit: string,
      received: keyof MessageCounts,
      sent: keyof MessageCounts,
    ): void => {
      const counter = meter.createObservableCounter(name, { unit });
      const callback = (result: ObservableResult): void => {
        for (const [path, counts] of this.#counts) {
          result.observe(counts[received], { [PATH]: path, 'network.io.direction': 'receive' });
          result.observe(counts[sent], { [PATH]: path, 'network.io.direction': 'transmit' });
        }
      };
      counter.addCallback(callback);
      subscriptions.onEnd(() => counter.removeCallback(callback));
    };
    observe('websocket.server.messages', '{message}', 'received', 'sent');
    observe('websocket.server.io', 'By', 'receivedBytes', 'sentBytes');
  }

  #messagesOf(server: WebSocketServer): MessageCounts {
    let counts = this.#countsOf.get(server);
    if (counts !== undefined) return counts;
    const path = this.#path(server);
    counts = this.#counts.get(path) ?? { received: 0, receivedBytes: 0, sent: 0, sentBytes: 0 };
    this.#counts.set(path, counts);
    this.#countsOf.set(server, counts);
    return counts;
  }

  #path(server: WebSocketServer): string {
    let path = this.#pathOf.get(server);
    if (path === undefined) this.#pathOf.set(server, (path = this.#paths.of(pathOf(server))));
    return path;
  }
}
