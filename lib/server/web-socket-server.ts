import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { DataType, HandshakeRequest } from '../interfaces/index.js';
import { OpenConnections, type ConnectionCollection } from './connection-collection.js';
import { checkTermination } from './close-code.js';
import { nextConnectionId } from './connection-id.js';
import { ConnectionSession } from './connection-session.js';
import type { ConnectionSocket } from './connection-socket.js';
import { errorDetails, type ErrorList } from './error-details.js';
import { ErrorLog } from './error-log.js';
import type { HandshakeExchange } from './handshake-exchange.js';
import { Handshakes } from './handshakes.js';
import { Heartbeat } from './heartbeat.js';
import type { HandlerSource, ServerHooks } from './hooks.js';
import { describeType } from './message-type.js';
import type { ConnectionCount, OtherInstances } from './other-instances.js';
import { isPromise } from './promise.js';
import type { ResolvedServerOptions } from './server-options.js';
import { SharedMessage } from './shared-message.js';
import { Shutdown } from './shutdown.js';
import { TopicCollection } from './topic-collection.js';
import { Topics } from './topics.js';
import { WebSocketConnection, type Sendable } from './web-socket-connection.js';

/** Whom a message to many leaves out. */
export interface PublishOptions {
  /**
   * One connection or several that do not receive the message; those of other instances by their ids.
   *
   * @default nobody is left out
   */
  except?: WebSocketConnection<object> | number | Iterable<WebSocketConnection<object> | number>;
}

/** How connections are counted. */
export interface CountOptions {
  /** How long to wait for instances that don't answer, in milliseconds. @default 1000 */
  timeout?: number;
}

const COUNT_TIMEOUT = 1000;
const NOBODY: ReadonlySet<number> = new Set();

/**
 * A WebSocket server: takes the clients that its handler lets in, and knows them all (reference 3). The package makes
 * one for each decorated handler; `WebSocketServerRegistry.create` makes one at run time.
 */
export class WebSocketServer {
  /** The open connections of this instance, live; those of other instances are never in it. */
  readonly connections: ConnectionCollection;
  /** The topics that have subscribers on this instance, live. */
  readonly topics: TopicCollection;
  /** @internal */
  readonly options: ResolvedServerOptions;
  /** @internal */
  readonly subscriptions = new Topics();
  readonly #connections = new OpenConnections();
  readonly #errorLog = new ErrorLog();
  readonly #hooks: ServerHooks;
  readonly #handshakes: Handshakes;
  readonly #heartbeat: Heartbeat | undefined;
  readonly #sessions = new Set<ConnectionSession>();
  #others: OtherInstances | undefined;
  #opened = false;
  #shutdown: Shutdown | undefined;
  #termination: Promise<void> | undefined;
  #terminated = false;
  #onTerminated: () => void = () => undefined;

  /** @internal */
  constructor(options: ResolvedServerOptions, hooks: ServerHooks) {
    this.options = options;
    this.connections = this.#connections;
    this.topics = new TopicCollection(this.subscriptions, this.#connections);
    this.#hooks = hooks;
    this.#handshakes = new Handshakes(this);
    if (options.heartbeat !== false) {
      this.#heartbeat = new Heartbeat(this.#sessions, options.heartbeat.interval, options.heartbeat.timeout);
    }
  }

  /** How messages are decoded. */
  get dataType(): DataType {
    return this.options.dataType;
  }

  /** The object whose `onConnection` decides about clients. */
  get handler(): object {
    return this.#hooks.handler;
  }

  /** The path or path pattern; undefined when the server manages all connections. */
  get path(): string | undefined {
    return this.options.path;
  }

  /** Whether the server is closed and no connection is left; so it is in its handler's `onTerminate`. */
  get terminated(): boolean {
    return this.#terminated;
  }

  /**
   * Closes the server: no client is let in any more; every connection serves what it received, is closed with 1001,
   * and runs its `onTerminate`; then the server handler's `onTerminate` runs. After `shutdownTimeout` the sockets
   * that are left are destroyed.
   *
   * @returns a promise of the end of all that; the same at every call
   */
  terminate(): Promise<void> {
    this.#termination ??= this.#terminate();
    return this.#termination;
  }

  /**
   * Sends a message to every connection, with a backplane to those of all instances; it is encoded once (reference 14.1,
   * 14.2).
   *
   * @throws {TypeError} as {@link WebSocketConnection.send}
   */
  broadcast(message: Sendable, options?: PublishOptions): void {
    const shared = SharedMessage.of(message, 'WebSocketServer.broadcast()');
    const except = exceptions(options?.except);
    this.deliver(shared, this.connections, except);
    this.#others?.broadcast(shared, this.#elsewhere(except));
  }

  /**
   * Sends a message to the connections that subscribed to a topic, with a backplane to those of all instances; it is
   * encoded once, and costs as much as there are subscribers, however many connections there are. Of several topics, a
   * connection that subscribed to more than one receives it once (reference 14.1, 14.2).
   *
   * @throws {TypeError} as {@link WebSocketConnection.send}, and for a topic that is not a non-empty string
   */
  publish(topic: string | readonly string[], message: Sendable, options?: PublishOptions): void {
    const topics = typeof topic === 'string' ? [topic] : checkTopics(topic);
    for (const each of topics) checkTopic(each);
    const shared = SharedMessage.of(message, 'WebSocketServer.publish()');
    const except = exceptions(options?.except);
    this.deliver(shared, this.subscribers(topics), except);
    this.#others?.publish(topics, shared, this.#elsewhere(except));
  }

  /**
   * Sends a message to the connection with this id, with a backplane on whatever instance it is (reference 14.2). Does
   * nothing if there is none any more.
   *
   * @throws {TypeError} as {@link WebSocketConnection.send}, and for an id that is no safe integer
   */
  sendTo(id: number, message: Sendable): void {
    checkId('sendTo', id);
    const shared = SharedMessage.of(message, 'WebSocketServer.sendTo()');
    const connection = this.connections.get(id);
    if (connection === undefined) this.#others?.sendTo(id, shared);
    else this.deliver(shared, [connection], NOBODY);
  }

  /**
   * Closes the connection with this id, with a backplane on whatever instance it is, as its
   * {@link WebSocketConnection.terminate} does (reference 14.2). Does nothing if there is none any more.
   *
   * @param code sent only when 3000 < code ≤ 4999
   * @param message why, for the client: at most 123 bytes of UTF-8; sent only with a code
   * @throws {RangeError} as {@link WebSocketConnection.terminate}
   * @throws {TypeError} as {@link WebSocketConnection.terminate}, and for an id that is no safe integer
   */
  terminateConnection(id: number, code?: number, message?: string): void {
    checkId('terminateConnection', id);
    checkTermination('WebSocketServer.terminateConnection()', code, message);
    const connection = this.connections.get(id);
    if (connection === undefined) this.#others?.terminateConnection(id, code, message);
    else connection.terminate(code, message);
  }

  /**
   * Counts the open connections of all instances (reference 14.2). It takes a round trip through the backplane; instances that
   * don't answer in time are left out, and `instances` tells how many there are that did. Without a backplane, and while it
   * is away, it is this instance alone.
   *
   * @throws {RangeError} for a timeout that is not a number of milliseconds above 0
   */
  async countConnections({ timeout = COUNT_TIMEOUT }: CountOptions = {}): Promise<ConnectionCount> {
    if (typeof timeout !== 'number' || !(timeout > 0)) {
      throw new RangeError(
        `WebSocketServer.countConnections(): the timeout must be milliseconds above 0, got ${String(timeout)}`,
      );
    }
    if (this.#others === undefined) return { connections: this.connections.length, instances: 1 };
    return this.#others.countConnections(timeout);
  }

  /** @internal Takes an upgrade request that was routed here. */
  handleUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    params: Readonly<Record<string, string | string[]>>,
  ): void {
    this.#handshakes.handle(request, socket, head, params);
  }

  /** @internal Whose server it is, for messages to people. */
  get name(): string {
    return this.#hooks.name;
  }

  /** @internal Talks with the same server on the other instances from now on. */
  join(others: OtherInstances): void {
    this.#others = others;
    this.subscriptions.observer = others;
  }

  /** @internal Calls back when the server is closed. */
  onTerminated(callback: () => void): void {
    this.#onTerminated = callback;
  }

  /** @internal The HTTP server listens. */
  opened(): void {
    if (this.#opened || this.closing) return;
    this.#opened = true;
    this.#heartbeat?.start();
    void this.#run(() => this.#hooks.open?.(this));
  }

  /** Whether the server takes no more clients, because it is closing or closed; what a readiness probe asks. */
  get closing(): boolean {
    return this.#termination !== undefined;
  }

  /** @internal */
  get size(): number {
    return this.#sessions.size;
  }

  /** @internal */
  decide(exchange: HandshakeExchange): HandlerSource | null | Promise<HandlerSource | null> {
    return this.#hooks.connection(this, exchange);
  }

  /** @internal */
  accept(websocket: ConnectionSocket, request: HandshakeRequest, source: HandlerSource): void {
    // A server may be asked before its HTTP server tells that it listens.
    this.opened();
    const id = this.#others === undefined ? nextConnectionId() : this.#others.nextConnectionId();
    const session = new ConnectionSession(this, id, websocket, request);
    this.#sessions.add(session);
    session.start(source);
  }

  /** @internal A connection's last hook is over. */
  ended(session: ConnectionSession): void {
    this.#sessions.delete(session);
    this.#shutdown?.ended();
  }

  /** @internal Tells the server handler's `onError`, or the log. */
  report(errors: ErrorList): void {
    void this.#report(errors);
  }

  /** @internal */
  logError(name: string, errors: ErrorList): void {
    this.#errorLog.write(name, errors);
  }

  /** @internal A connection's handler is there. */
  connected(connection: WebSocketConnection): void {
    this.#connections.add(connection);
  }

  /** @internal A connection's socket is closed. */
  disconnected(session: ConnectionSession): void {
    this.#connections.delete(session.connection);
    this.subscriptions.leaveAll(session);
  }

  /** @internal Those who subscribed to any of these topics, each of them once. */
  subscribers(topics: readonly string[]): Iterable<ConnectionSession> {
    // Nearly always it is one topic, whose subscribers are there as they are needed.
    if (topics.length === 1) return this.subscriptions.get(topics[0]!);
    const all = new Set<ConnectionSession>();
    for (const topic of topics) for (const session of this.subscriptions.get(topic)) all.add(session);
    return all;
  }

  async #terminate(): Promise<void> {
    // One turn of the microtask queue, so that `closing` is true for all that follows.
    await undefined;
    this.#handshakes.refusePending();
    this.#shutdown = new Shutdown(this.#sessions, this.options.shutdownTimeout);
    await this.#shutdown.run();
    this.#heartbeat?.stop();
    this.#handshakes.destroyRefused();
    this.#terminated = true;
    await this.#shutdown.race(this.#run(() => this.#hooks.terminate?.(this)));
    this.#others?.leave();
    this.#others = undefined;
    this.#errorLog.close();
    this.#onTerminated();
  }

  /** @internal Sends a message to connections of this instance, but for those with these ids. */
  deliver(
    message: SharedMessage,
    receivers: Iterable<WebSocketConnection | ConnectionSession>,
    except: ReadonlySet<number>,
  ): void {
    // Most messages leave nobody out: they need no lookup for each receiver.
    const leavesOut = except.size > 0;
    for (const receiver of receivers) {
      const session =
        receiver instanceof WebSocketConnection ? WebSocketConnection.sessionOf(receiver) : receiver;
      const { websocket } = session;
      if (websocket.readyState !== websocket.OPEN) continue;
      if (leavesOut && except.has(session.connection.id)) continue;
      session.outbox.sendShared(message);
    }
  }

  /** The exceptions that are not connections of this instance. */
  #elsewhere(except: ReadonlySet<number>): readonly number[] {
    return except === NOBODY ? [] : Array.from(except).filter((id) => this.connections.get(id) === undefined);
  }

  async #run(hook: () => unknown): Promise<void> {
    try {
      const result = hook();
      if (isPromise(result)) await result;
    } catch (error) {
      await this.#report(errorDetails(error, 'user'));
    }
  }

  async #report(errors: ErrorList): Promise<void> {
    if (this.#hooks.error === undefined) {
      this.logError(this.#hooks.name, errors);
      return;
    }
    try {
      await this.#hooks.error(this, errors);
    } catch (error) {
      this.logError(`${this.#hooks.name} (onError)`, errorDetails(error, 'user'));
    }
  }
}

function exceptions(except: PublishOptions['except']): ReadonlySet<number> {
  if (except === undefined) return NOBODY;
  if (typeof except === 'number') return new Set([except]);
  if (except instanceof WebSocketConnection) return new Set([except.id]);
  const ids = new Set<number>();
  for (const each of except) ids.add(typeof each === 'number' ? each : each.id);
  return ids;
}

function checkTopics(topics: unknown): readonly string[] {
  if (Array.isArray(topics)) return topics as readonly string[];
  checkTopic(topics);
  return [];
}

function checkTopic(topic: unknown): void {
  if (typeof topic === 'string' && topic !== '') return;
  throw new TypeError(
    `WebSocketServer.publish(): the topic must be a non-empty string, got ${describeType(topic)}`,
  );
}

function checkId(method: string, id: unknown): void {
  if (Number.isSafeInteger(id)) return;
  throw new TypeError(
    `WebSocketServer.${method}(): the id must be that of a connection, a safe integer, got ${typeof id === 'number' ? id : describeType(id)}`,
  );
}
