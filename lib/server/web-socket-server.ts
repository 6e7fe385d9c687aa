import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Logger } from '@nestjs/common';
import type { DataType, HandshakeRequest } from '../interfaces/index.js';
import { ConnectionCollection } from './connection-collection.js';
import { nextConnectionId } from './connection-id.js';
import { ConnectionSession } from './connection-session.js';
import type { ConnectionSocket } from './connection-socket.js';
import { errorDetails, type ErrorList } from './error-details.js';
import type { HandshakeExchange } from './handshake-exchange.js';
import { Handshakes } from './handshakes.js';
import { Heartbeat } from './heartbeat.js';
import type { HandlerSource, ServerHooks } from './hooks.js';
import { isPromise } from './promise.js';
import type { ResolvedServerOptions } from './server-options.js';
import { SharedMessage } from './shared-message.js';
import { Shutdown } from './shutdown.js';
import { Topics } from './topics.js';
import { WebSocketConnection, type Sendable } from './web-socket-connection.js';

const logger = new Logger('WebSocketServer');

/** Whom a message to many leaves out. */
export interface PublishOptions {
  /** One connection or several that do not receive the message. */
  except?: WebSocketConnection | Iterable<WebSocketConnection>;
}

/**
 * A WebSocket server: takes the clients that its handler lets in, and knows them all (SPEC 3). The package makes
 * one for each decorated handler; `WebSocketServerRegistry.create` makes one at run time.
 */
export class WebSocketServer {
  /** The open connections, live. */
  readonly connections = new ConnectionCollection();
  /** @internal */
  readonly options: ResolvedServerOptions;
  /** @internal */
  readonly topics = new Topics();
  readonly #hooks: ServerHooks;
  readonly #handshakes: Handshakes;
  readonly #heartbeat: Heartbeat | undefined;
  readonly #sessions = new Set<ConnectionSession>();
  #opened = false;
  #shutdown: Shutdown | undefined;
  #termination: Promise<void> | undefined;
  #terminated = false;
  #onTerminated: () => void = () => undefined;

  /** @internal */
  constructor(options: ResolvedServerOptions, hooks: ServerHooks) {
    this.options = options;
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

  /** Whether the server is closed. */
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
   * Sends a message to every connection; it is encoded once (SPEC 14.1).
   *
   * @throws {TypeError} as {@link WebSocketConnection.send}
   */
  broadcast(message: Sendable, options?: PublishOptions): void {
    this.#deliver(message, this.connections, options);
  }

  /**
   * Sends a message to the connections that subscribed to a topic; it is encoded once, and costs as much as there are
   * subscribers, however many connections there are (SPEC 14.1).
   *
   * @throws {TypeError} as {@link WebSocketConnection.send}
   */
  publish(topic: string, message: Sendable, options?: PublishOptions): void {
    this.#deliver(message, this.topics.get(topic), options);
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
    const session = new ConnectionSession(this, nextConnectionId(), websocket, request);
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
    for (const { errCode, message, componentSignature, error } of errors) {
      logger.error(
        `${name}: ${message} (${componentSignature} ${errCode})`,
        error instanceof Error ? error.stack : undefined,
      );
    }
  }

  async #terminate(): Promise<void> {
    // One turn of the microtask queue, so that `closing` is true for all that follows.
    await undefined;
    this.#handshakes.refusePending();
    this.#shutdown = new Shutdown(this.#sessions, this.options.shutdownTimeout);
    await this.#shutdown.run();
    this.#heartbeat?.stop();
    await this.#shutdown.race(this.#run(() => this.#hooks.terminate?.(this)));
    this.#terminated = true;
    this.#onTerminated();
  }

  #deliver(
    message: Sendable,
    receivers: Iterable<WebSocketConnection | ConnectionSession>,
    options?: PublishOptions,
  ) {
    const shared = new SharedMessage(message);
    const except = exceptions(options?.except);
    for (const receiver of receivers) {
      const session =
        receiver instanceof WebSocketConnection ? WebSocketConnection.sessionOf(receiver) : receiver;
      const { websocket } = session;
      if (websocket.readyState !== websocket.OPEN || except?.has(session.connection)) continue;
      session.outbox.sendShared(shared);
    }
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

function exceptions(except: PublishOptions['except']): ReadonlySet<WebSocketConnection> | undefined {
  if (except === undefined) return undefined;
  return new Set(except instanceof WebSocketConnection ? [except] : except);
}
