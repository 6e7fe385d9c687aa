import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { errorDetails, type ErrorList } from '../errors/error-details.js';
import { isPromise } from '../foundation/promise.js';
import {
  connectionOpen,
  errorChannel,
  hookTrace,
  publishChannel,
  topicSubscribe,
  topicUnsubscribe,
} from '../observability/channels.js';
import type { HookName } from '../observability/events.js';
import { Trace } from '../observability/trace.js';
import type {
  DataType,
  HandshakeRequest,
  HistoryMessage,
  HistoryQuery,
  SubscribeOptions,
  TopicPosition,
  TopicSubscription,
} from '../interfaces/index.js';
import { ConnectionView, type ConnectionCollection } from './connection-collection.js';
import { nextConnectionId } from './connection-id.js';
import { ConnectionSession, type ConnectionOwner } from './connection-session.js';
import { ErrorLog } from './error-log.js';
import { FailedPublications } from './failed-publications.js';
import { isFieldValue } from './handshake/bearer-offer.js';
import { HandshakeExchange } from './handshake/handshake-exchange.js';
import { Handshakes, type HandshakeServer } from './handshake/handshakes.js';
import { checkSameUser } from './handshake/refresh-key.js';
import { refreshedRequest } from './handshake/refreshed-request.js';
import { httpError } from './handshake/refusal.js';
import { Heartbeat } from './heartbeat.js';
import type { HandlerSource, ServerHooks } from './hooks.js';
import type { SharedMessage } from './message/shared-message.js';
import type { ConnectionCount, OtherInstances } from './other-instances.js';
import type { ResolvedServerOptions } from './server-options.js';
import type { ServerStats } from './server-stats.js';
import { Shutdown } from './shutdown.js';
import type { ConnectionSocket } from './socket/connection-socket.js';
import { TopicCollection } from './topic-collection.js';
import { historyOf, publishRemembered } from './remembered-topics.js';
import { NOT_REMEMBERED, type TopicHistory } from './topic-history.js';
import { Topics, type TopicObserver } from './topics.js';
import { WebSocketServer, type ServerBehind } from './web-socket-server.js';

/**
 * The life of a server: takes upgrade requests, keeps its connections, runs its handler's hooks. The public
 * {@link WebSocketServer} is its face.
 */
export class ServerSession
  implements ServerBehind, HandshakeServer<HandlerSource>, ConnectionOwner, TopicObserver
{
  readonly wss: WebSocketServer;
  readonly connections: ConnectionCollection;
  readonly topics: TopicCollection;
  readonly subscriptions = new Topics<ConnectionSession>();
  readonly options: ResolvedServerOptions;
  readonly #hooks: ServerHooks;
  readonly #handshakes: Handshakes<HandlerSource>;
  readonly #heartbeat: Heartbeat | undefined;
  readonly #errorLog = new ErrorLog();
  /** All connections, from the 101 to the end of the last hook. */
  readonly #sessions = new Set<ConnectionSession>();
  /** Those that have a handler and are not closed. */
  readonly #open = new Map<number, ConnectionSession>();
  #others: OtherInstances | undefined;
  /** Answers what the same server on another instance asks; it never rejects. */
  answer: ((question: string) => Promise<string>) | undefined;
  #history: TopicHistory | undefined;
  readonly #failedPublications = new FailedPublications((error) => this.report(errorDetails(error, 'bkpl')));
  #opened = false;
  #shutdown: Shutdown | undefined;
  #termination: Promise<void> | undefined;
  #terminated = false;
  #onTerminated: () => void = () => undefined;

  constructor(options: ResolvedServerOptions, hooks: ServerHooks) {
    this.options = options;
    this.#hooks = hooks;
    this.connections = new ConnectionView(
      () => this.#open,
      (id) => this.#open.get(id),
    );
    this.topics = new TopicCollection(this.subscriptions, (id) => this.#open.get(id));
    this.wss = new WebSocketServer(this);
    this.#handshakes = new Handshakes(this);
    if (options.heartbeat !== false) {
      this.#heartbeat = new Heartbeat(this.#sessions, options.heartbeat.interval, options.heartbeat.timeout);
    }
  }

  /** Whose server it is, for messages to people. */
  get name(): string {
    return this.#hooks.name;
  }

  get handler(): object {
    return this.#hooks.handler;
  }

  get dataType(): DataType {
    return this.options.dataType;
  }

  get path(): string | undefined {
    return this.options.path;
  }

  get terminated(): boolean {
    return this.#terminated;
  }

  get closing(): boolean {
    return this.#termination !== undefined;
  }

  get size(): number {
    return this.#sessions.size;
  }

  stats(): ServerStats {
    let queuedMessages = 0;
    let unreadBytes = 0;
    for (const session of this.#sessions) {
      queuedMessages += session.queuedMessages;
      unreadBytes += session.bufferedAmount;
    }
    return {
      connections: this.#open.size,
      handshakes: this.#handshakes.pending,
      queuedMessages,
      unreadBytes,
      topics: this.subscriptions.size,
      backplane: this.#others?.available,
      history: this.#history?.stats(),
    };
  }

  /** The HTTP server listens. */
  opened(): void {
    if (this.#opened || this.closing) return;
    this.#opened = true;
    this.#heartbeat?.start();
    void this.#run('onOpen', this.#hooks.open);
  }

  /** Talks with the same server on the other instances from now on. */
  join(others: OtherInstances): void {
    this.#others = others;
    this.subscriptions.observer = this;
  }

  /** Some of its topics remember from now on. */
  remember(history: TopicHistory): void {
    this.#history = history;
    this.subscriptions.observer = this;
  }

  topicAdded(topic: string): void {
    if (this.#history?.covers(topic) === true) this.#history.topicAdded(topic);
    this.#others?.topicAdded(topic);
  }

  topicRemoved(topic: string): void {
    if (this.#history?.covers(topic) === true) this.#history.topicRemoved(topic);
    this.#others?.topicRemoved(topic);
  }

  /** Calls back when the server is closed. */
  onTerminated(callback: () => void): void {
    this.#onTerminated = callback;
  }

  /**
   * Takes an upgrade request that was routed here.
   *
   * @param params the parameters that the path pattern found in the URL
   */
  handleUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    params: Readonly<Record<string, string | string[]>>,
  ): void {
    this.#handshakes.handle(request, socket, head, params);
  }

  decide(exchange: HandshakeExchange): HandlerSource | null | Promise<HandlerSource | null> {
    return this.#hooks.connection(this.wss, exchange);
  }

  accept(websocket: ConnectionSocket, request: HandshakeRequest, source: HandlerSource): object {
    // A server may be asked before its HTTP server tells that it listens.
    this.opened();
    const id = this.#others === undefined ? nextConnectionId() : this.#others.nextConnectionId();
    const session = new ConnectionSession(this, id, websocket, request);
    this.#sessions.add(session);
    if (connectionOpen.hasSubscribers)
      connectionOpen.publish({ server: this.wss, connection: session.connection });
    session.start(source);
    return session.connection;
  }

  connected(session: ConnectionSession): void {
    this.#open.set(session.connection.id, session);
  }

  disconnected(session: ConnectionSession): void {
    this.#open.delete(session.connection.id);
    if (this.#history !== undefined) for (const topic of session.topics) this.#unfollow(topic, session);
    if (topicUnsubscribe.hasSubscribers) {
      for (const topic of session.topics)
        topicUnsubscribe.publish({ server: this.wss, connection: session.connection, topic });
    }
    this.subscriptions.leaveAll(session);
  }

  ended(session: ConnectionSession): void {
    this.#sessions.delete(session);
    this.#shutdown?.ended();
  }

  subscribe(
    topic: string,
    session: ConnectionSession,
    options: SubscribeOptions | undefined,
  ): Promise<TopicSubscription | undefined> {
    const isNew = !session.topics.has(topic);
    if (isNew && session.topics.size >= this.options.maxTopics) {
      session.limited('maxTopics');
      throw new RangeError(
        `WebSocketConnection.subscribe(): the connection has ${session.topics.size} topics, as many as maxTopics allows`,
      );
    }
    this.subscriptions.join(topic, session);
    if (isNew && topicSubscribe.hasSubscribers)
      topicSubscribe.publish({ server: this.wss, connection: session.connection, topic });
    if (this.#history?.covers(topic) !== true) return NOT_REMEMBERED;
    return this.#history.follow(topic, session, options);
  }

  unsubscribe(topic: string, session: ConnectionSession): void {
    if (!session.topics.has(topic)) return;
    this.#unfollow(topic, session);
    this.subscriptions.leave(topic, session);
    if (topicUnsubscribe.hasSubscribers)
      topicUnsubscribe.publish({ server: this.wss, connection: session.connection, topic });
  }

  broadcast(message: SharedMessage, except: ReadonlySet<number>): void {
    this.#publishing(undefined, message);
    this.deliverToAll(message, except);
    this.#others?.broadcast(message, this.#elsewhere(except));
  }

  publish(
    topics: readonly string[],
    message: SharedMessage,
    except: ReadonlySet<number>,
  ): Promise<TopicPosition | undefined> {
    this.#publishing(topics, message);
    const remembered = publishRemembered(
      this.#history,
      topics,
      message,
      except,
      this.#failedPublications.failed,
    );
    if (remembered !== undefined) return remembered;
    this.deliverTo(topics, message, except);
    this.#others?.publish(topics, message, this.#elsewhere(except));
    return NOT_REMEMBERED;
  }

  async history(topic: string, query: HistoryQuery): Promise<HistoryMessage[]> {
    return historyOf(this.#history, topic, 'history').read(topic, query);
  }

  async forget(topic: string): Promise<void> {
    await historyOf(this.#history, topic, 'forget').forget(topic);
    this.#others?.forgotten(topic);
  }

  /** What is remembered of a topic was forgotten by another instance. */
  forgotten(topic: string): void {
    this.#history?.forgotten(topic);
  }

  sendTo(id: number, message: SharedMessage): void {
    if (!this.deliverToOne(id, message)) this.#others?.sendTo(id, message);
  }

  terminateConnection(id: number, code: number | undefined, reason: string | undefined): void {
    const session = this.#open.get(id);
    if (session === undefined) this.#others?.terminateConnection(id, code, reason);
    else session.connection.terminate(code, reason);
  }

  async countConnections(timeout: number): Promise<ConnectionCount> {
    if (this.#others === undefined) return { connections: this.#open.size, instances: 1 };
    return this.#others.countConnections(timeout);
  }

  /** Asks the same server on the other instances, whose `answer` answers. */
  async askOthers(question: string, timeout: number): Promise<readonly string[]> {
    return this.#others === undefined ? [] : this.#others.ask(question, timeout);
  }

  /** Sends a message to all connections of this instance, but for those with these ids. */
  deliverToAll(message: SharedMessage, except: ReadonlySet<number>): void {
    deliver(message, this.#open.values(), except);
  }

  /** Sends a message to the subscribers of any of these topics on this instance, but for those with these ids. */
  deliverTo(topics: readonly string[], message: SharedMessage, except: ReadonlySet<number>): void {
    deliver(message, this.subscriptions.ofAny(topics), except);
  }

  /** Sends a message to the connection with this id; returns whether it is one of this instance. */
  deliverToOne(id: number, message: SharedMessage): boolean {
    const session = this.#open.get(id);
    session?.deliver(message);
    return session !== undefined;
  }

  async readmit(request: HandshakeRequest, token: string): Promise<HandshakeRequest> {
    const { refreshKey } = this.options;
    if (!isFieldValue(token)) throw httpError(401, 'The token is none');
    const refreshed = refreshedRequest(request, token);
    const exchange = new HandshakeExchange(refreshed);
    await this.#hooks.readmit?.(this.wss, exchange);
    if (exchange.usedResponse?.answered === true) throw httpError(401, 'Refused');
    if (refreshKey !== undefined) checkSameUser(refreshKey(request), refreshKey(refreshed));
    refreshed.keep(request.data);
    return refreshed;
  }

  /** Tells the handler's `onError`, or the log. */
  report(errors: ErrorList): void {
    void this.#report(errors);
  }

  logError(name: string, errors: ErrorList): void {
    this.#errorLog.write(name, errors);
  }

  terminate(): Promise<void> {
    this.#termination ??= this.#terminate();
    return this.#termination;
  }

  async #terminate(): Promise<void> {
    // One turn of the microtask queue, so that `closing` is true for all that follows.
    await undefined;
    this.#handshakes.refusePending();
    const { shutdownTimeout, shutdownSpread } = this.options;
    this.#shutdown = new Shutdown(this.#sessions, shutdownTimeout, shutdownSpread);
    await this.#shutdown.run();
    this.#heartbeat?.stop();
    this.#handshakes.destroyRefused();
    this.#terminated = true;
    await this.#shutdown.race(this.#end());
    this.#others?.leave();
    this.#others = undefined;
    this.#errorLog.close();
    this.#onTerminated();
  }

  async #end(): Promise<void> {
    await this.#run('onTerminate', this.#hooks.terminate);
    // What it published is still to be remembered.
    await this.#history?.close();
    this.#failedPublications.close();
  }

  #publishError(errors: ErrorList): void {
    if (errorChannel.hasSubscribers)
      errorChannel.publish({ server: this.wss, connection: undefined, errors });
  }

  #publishing(topics: readonly string[] | undefined, { data, isBinary }: SharedMessage): void {
    if (publishChannel.hasSubscribers) publishChannel.publish({ server: this.wss, topics, data, isBinary });
  }

  #unfollow(topic: string, session: ConnectionSession): void {
    if (this.#history?.covers(topic) === true) this.#history.unfollow(topic, session);
  }

  /** The exceptions that are not connections of this instance. */
  #elsewhere(except: ReadonlySet<number>): readonly number[] {
    return except.size === 0 ? [] : Array.from(except).filter((id) => !this.#open.has(id));
  }

  async #run(name: HookName, hook: ((server: WebSocketServer) => unknown) | undefined): Promise<void> {
    if (hook === undefined) return;
    const trace = hookTrace.hasSubscribers
      ? new Trace(hookTrace, { server: this.wss, connection: undefined, hook: name })
      : undefined;
    const call = (): unknown => hook.call(this.#hooks, this.wss);
    try {
      const result = trace === undefined ? call() : trace.begin(call);
      if (isPromise(result)) await result;
    } catch (error) {
      trace?.failed(error);
      await this.#report(errorDetails(error, 'user'));
    }
    trace?.over();
  }

  async #report(errors: ErrorList): Promise<void> {
    this.#publishError(errors);
    if (this.#hooks.error === undefined) {
      this.logError(this.name, errors);
      return;
    }
    try {
      await this.#hooks.error(this.wss, errors);
    } catch (error) {
      const failure = errorDetails(error, 'user');
      this.#publishError(failure);
      this.logError(`${this.name} (onError)`, failure);
    }
  }
}

function deliver(
  message: SharedMessage,
  receivers: Iterable<ConnectionSession>,
  except: ReadonlySet<number>,
): void {
  // Most messages leave nobody out: they need no lookup for each receiver.
  if (except.size === 0) for (const session of receivers) session.deliver(message);
  else for (const session of receivers) if (!except.has(session.connection.id)) session.deliver(message);
}
