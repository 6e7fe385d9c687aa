import type { Socket } from 'node:net';
import type { CallOptions } from '../contract/contract.js';
import type {
  HandshakeRequest,
  SubscribeOptions,
  TopicRecovery,
  TopicSubscription,
} from '../interfaces/index.js';
import { HttpException } from '@nestjs/common';
import { CloseCode, closeReason } from '../errors/close-code.js';
import type { ConnectionSocket, SocketObserver } from './socket/connection-socket.js';
import { errorDetails, type ErrorList } from '../errors/error-details.js';
import { Expiry } from './expiry.js';
import type { BoundHandler, ConnectionHooks, HandlerSource } from './hooks.js';
import { Inbox, type InboxConsumer } from './socket/inbox.js';
import { MESSAGE_DECODERS, type MessageDecoder } from './message/message-decoder.js';
import type { SharedMessage } from './message/shared-message.js';
import { MessageRate } from './message-rate.js';
import { MessageDecodeError } from '../errors/message-decode.error.js';
import { Outbox, type OutboxObserver } from './socket/outbox.js';
import { isInstance } from '../foundation/instance.js';
import { isPromise, type Completion } from '../foundation/promise.js';
import {
  connectionClose,
  errorChannel,
  hookTrace,
  limitChannel,
  messageReceived,
  messageSent,
} from '../observability/channels.js';
import type { HookName, LimitName } from '../observability/events.js';
import { Trace, type HookTrace } from '../observability/trace.js';
import { ReplyStreams } from './replies/reply-streams.js';
import { sendable, sendReply, type Replier } from './replies/send-reply.js';
import { TracedReplier } from './replies/traced-replier.js';
import type { ResolvedServerOptions } from './server-options.js';
import { isV1 } from '../protocol/sub-protocol.js';
import { ResumeLink, type LinkedConnection } from './resume/resume-link.js';
import { RpcLink, type LinkHost } from './rpc/rpc-link.js';
import type { Follower } from './topic-history.js';
import { NO_TOPICS } from './topics.js';
import { WebSocketConnection, type ConnectionBehind, type Sendable } from './web-socket-connection.js';
import type { WebSocketServer } from './web-socket-server.js';

/** The server of a connection, as its session knows it. */
export interface ConnectionOwner {
  readonly wss: WebSocketServer;
  readonly options: ResolvedServerOptions;
  /** The handler is there: the connection is one of the server's. */
  connected(session: ConnectionSession): void;
  /** The socket is closed. */
  disconnected(session: ConnectionSession): void;
  /** The last hook is over. */
  ended(session: ConnectionSession): void;
  subscribe(
    topic: string,
    session: ConnectionSession,
    options: SubscribeOptions | undefined,
  ): Promise<TopicSubscription | undefined>;
  unsubscribe(topic: string, session: ConnectionSession): void;
  /** Asks the guards again, with a new token; rejects with what they refuse with, or fail with. */
  readmit(request: HandshakeRequest, token: string): Promise<HandshakeRequest>;
  /** Tells the server handler's `onError`, or the log. */
  report(errors: ErrorList): void;
  logError(name: string, errors: ErrorList): void;
}

/**
 * How many times more than they may, messages and bytes may wait while a hook waits for an answer of the client's, which comes
 * behind them.
 */
const ASKING_MESSAGES = 64;
const ASKING_BYTES = 4;

const NO_HANDLER = {};
const NO_HOOKS: ConnectionHooks = { name: 'no handler', message: () => undefined };

/**
 * The life of one connection: runs its handler's hooks in order, from the 101 to after `onTerminate`. The public
 * {@link WebSocketConnection} is its face.
 *
 * Every step waits its turn in the inbox and returns a {@link Completion}: nothing when it is over, a promise while it goes
 * on. What fails in a step is dealt with within it, so a completion never rejects.
 */
export class ConnectionSession
  implements
    ConnectionBehind,
    SocketObserver,
    InboxConsumer,
    OutboxObserver,
    Replier,
    LinkedConnection,
    LinkHost<WebSocketConnection>,
    Follower
{
  request: HandshakeRequest;
  readonly websocket: ConnectionSocket;
  readonly socket: Socket;
  readonly outbox: Outbox;
  readonly connection: WebSocketConnection;
  /** The talk with a client that speaks the sub-protocol. */
  readonly resuming: ResumeLink | undefined;
  handler: object = NO_HANDLER;
  topics: ReadonlySet<string> = NO_TOPICS;
  /** The heartbeat's notes: what had been read from the socket at its last round, and how long that was all. */
  bytesRead = 0;
  silentFor = 0;
  /** When its 101 was out, in milliseconds of `performance.now()`. */
  readonly openedAt = performance.now();
  readonly #owner: ConnectionOwner;
  readonly #inbox: Inbox;
  readonly #decode: MessageDecoder;
  readonly #rate: MessageRate | undefined;
  #hooks: ConnectionHooks = NO_HOOKS;
  #streams: ReplyStreams | null = null;
  #rpc: RpcLink<WebSocketConnection> | undefined;
  #draining = false;
  #isFull = false;
  /** Whether a message came too early, and waits for its time. */
  #isHeld = false;
  /** Made when the application says when the connection ends. */
  #expiry: Expiry | undefined;
  // What comes after a message that ends the connection is not served (RFC 6455, section 7.1.7).
  #violated = false;
  // onTerminate is the last hook: what fails later is for the log.
  #terminated = false;

  constructor(owner: ConnectionOwner, id: number, websocket: ConnectionSocket, request: HandshakeRequest) {
    this.#owner = owner;
    this.request = request;
    this.websocket = websocket;
    this.socket = request.raw.socket;
    this.#decode = MESSAGE_DECODERS[owner.options.dataType];
    this.#inbox = new Inbox(this, owner.options);
    const { messageRate } = owner.options;
    this.#rate = messageRate === undefined ? undefined : new MessageRate(messageRate);
    const isHeaded = isV1(websocket.protocol);
    this.outbox = new Outbox(websocket, this.socket, this, owner.options.maxBufferedAmount, isHeaded);
    this.connection = new WebSocketConnection(id, this);
    this.resuming = isHeaded ? new ResumeLink(this, owner.options.handshakeTimeout) : undefined;
    // With the sub-protocol it is the link that hears the socket: the others have nothing between.
    websocket.observe(this.resuming ?? this, this.socket);
  }

  get id(): number {
    return this.connection.id;
  }

  get wss(): WebSocketServer {
    return this.#owner.wss;
  }

  /** Makes the handler, then runs `onOpen`; messages wait meanwhile. */
  start(source: HandlerSource): void {
    const { resuming } = this;
    if (resuming === undefined) {
      this.#inbox.perform(() => this.#begin(source));
      return;
    }
    const { heartbeat } = this.#owner.options;
    resuming.greet(heartbeat === false ? 0 : heartbeat.interval);
    this.#inbox.perform(async () => {
      await resuming.ready;
      await this.#begin(source);
      resuming.opened();
    });
  }

  received(data: Buffer, isBinary: boolean): void {
    if (messageReceived.hasSubscribers) {
      messageReceived.publish({
        server: this.wss,
        connection: this.connection,
        data,
        isBinary,
        bytes: data.length,
      });
    }
    if (this.#rate !== undefined && this.#exceedsRate(this.#rate, data.length)) return;
    this.#take(data, isBinary);
  }

  /** A message of the application's was taken by the outbox. */
  sent(data: string | Buffer | Blob, isBinary: boolean, bytes: number): void {
    messageSent.publish({ server: this.wss, connection: this.connection, data, isBinary, bytes });
  }

  /** Counts a message; returns whether it is not served. One that comes too early is held, with all that come after it. */
  #exceedsRate(rate: MessageRate, bytes: number): boolean {
    // After its close nothing is held any more, and what the rate ended is over.
    if (rate.take(bytes) || this.#violated) return this.#violated;
    this.limited('messageRate');
    const { limit, window } = rate.limits;
    const error = new Error(
      `The client sent more than messageRate allows: ${limit} messages in ${window} ms`,
    );
    switch (rate.limits.exceeded) {
      case 'pause':
        this.#holdUntil(rate);
        return false;
      case 'drop':
        if (rate.isFirstDropped) this.fail(CloseCode.POLICY_VIOLATION, error);
        return true;
      case 'close':
        this.violated(CloseCode.POLICY_VIOLATION, error);
        return true;
    }
  }

  /** Tells whoever watches that the client came to a limit. */
  limited(limit: LimitName): void {
    if (limitChannel.hasSubscribers)
      limitChannel.publish({ server: this.wss, connection: this.connection, limit });
  }

  #holdUntil(rate: MessageRate): void {
    const start = rate.windowStart;
    this.#isHeld = true;
    this.#pace();
    this.#inbox.perform(() => rate.hold(start));
    this.#inbox.perform(() => {
      // Another hold may have come behind it.
      if (rate.windowStart !== start) return undefined;
      this.#isHeld = false;
      this.#pace();
      return undefined;
    });
  }

  #take(data: Buffer, isBinary: boolean): void {
    if (this.#rpc === undefined) this.#inbox.receive(data, isBinary);
    else if (!this.#violated) this.#rpc.received(data, isBinary);
  }

  /** Runs a step of the link's, in its turn. */
  perform(step: () => Completion, bytes?: number): void {
    this.#inbox.perform(step, bytes);
    // It reads on while it waits for an answer, but not without bound.
    if (this.#isFull) this.#pace();
  }

  /** @throws {TypeError} (as a rejection) if the handler has no contract, or the message is none of its asks */
  async call(message: object, options?: CallOptions): Promise<unknown> {
    if (this.#rpc === undefined)
      throw new TypeError('WebSocketConnection.call() is for handlers with the option "contract"');
    return this.#rpc.call(message, options);
  }

  sendText(text: string): void {
    if (this.isOpen) this.outbox.sendText(text);
  }

  /** Tells `onError` of a failure of the handler's; with a code, of a message that does not keep to its contract. */
  report(error: unknown, errCode?: number): Completion {
    return this.#report(errorDetails(error, errCode === undefined ? 'user' : 'json', errCode));
  }

  reportLater(error: unknown): void {
    this.#inbox.perform(() => {
      const errors = errorDetails(error, 'user');
      return this.#terminated ? this.#log(this.#hooks.name, errors) : this.#report(errors);
    });
  }

  askingChanged(): void {
    this.#pace();
  }

  /** Sends a message that others share, if the connection is open. */
  deliver(message: SharedMessage): void {
    const { websocket } = this;
    if (websocket.readyState === websocket.OPEN && !this.isExpired) this.outbox.sendShared(message);
  }

  /** Whether its time is over: nothing more is served. */
  get isExpired(): boolean {
    return this.#expiry !== undefined && this.#expiry.isOver;
  }

  get expiresAt(): Date | undefined {
    return this.#expiry?.at;
  }

  set expiresAt(date: Date | undefined) {
    if (this.websocket.readyState === this.websocket.CLOSED || this.isExpired) return;
    this.#expiry ??= new Expiry(() => this.#expire());
    this.#expiry.at = date;
    this.#askForToken(this.#expiry);
  }

  #askForToken(expiry: Expiry): void {
    if (this.resuming === undefined || this.isExpired) return;
    const delay = expiry.ask();
    if (delay !== undefined) this.resuming.askForToken(delay);
  }

  /** Serves nothing more, lets what is under way end, and closes. */
  #expire(): void {
    const { closeTimeout } = this.#owner.options;
    const close = (): undefined => {
      this.websocket.close(CloseCode.UNAUTHORIZED, 'Expired');
    };
    this.#rate?.release();
    this.#streams?.close();
    this.#rpc?.expire();
    this.#inbox.perform(() => this.#rpc?.idle());
    this.#inbox.perform(close);
    if (this.isOpen) setTimeout(close, closeTimeout).unref();
  }

  /** The client brings a new token; only the last one that waits is looked at. */
  refresh(token: string, bytes: number): void {
    if (this.#expiry?.keep(token) !== true) return;
    this.#inbox.perform(() => this.#refresh(this.#expiry!), bytes);
  }

  async #refresh(expiry: Expiry): Promise<void> {
    const token = expiry.take();
    if (this.#terminated || this.#violated || this.isExpired) return;
    let request: HandshakeRequest;
    try {
      request = await this.#owner.readmit(this.request, token);
    } catch (error) {
      this.#refreshFailed(error, expiry);
      return;
    }
    if (this.isExpired || !this.isOpen) return;
    this.request = request;
    const { refresh } = this.#hooks;
    await this.#run('onRefresh', refresh && (() => refresh(this.connection, request)), (error) =>
      isRefusal(error) ? this.#refuseToken(error) : this.#report(errorDetails(error, 'user')),
    );
  }

  #refuseToken(error: HttpException): undefined {
    this.#violated = true;
    this.websocket.close(CloseCode.UNAUTHORIZED, closeReason(error.message));
  }

  #refreshFailed(error: unknown, expiry: Expiry): void {
    if (isRefusal(error)) {
      this.#refuseToken(error);
      return;
    }
    // That says nothing of the token: the client may try again, in the time that it has.
    this.#owner.report(errorDetails(error, 'user'));
    this.#askForToken(expiry);
  }

  flush(): void {
    // The connection is about to close: what was received is served now.
    this.#rate?.release();
    this.outbox.flush();
  }

  sendHeader(line: string): void {
    if (this.isOpen) this.outbox.sendHeader(line);
  }

  violated(errCode: number, error: Error): void {
    this.fail(errCode, error);
    this.#violated = true;
    this.websocket.close(errCode);
  }

  resumed(topics: Readonly<Record<string, TopicRecovery>>): void {
    this.#inbox.perform(() =>
      this.#terminated
        ? undefined
        : this.#run('onResume', this.#hooks.resume && (() => this.#hooks.resume!(this.connection, topics))),
    );
  }

  /** The heartbeat of those who see no pings. */
  beat(): void {
    this.resuming?.beat();
  }

  subscribe(topic: string, options?: SubscribeOptions): Promise<TopicSubscription | undefined> {
    return this.#owner.subscribe(topic, this, options);
  }

  unsubscribe(topic: string): void {
    this.#owner.unsubscribe(topic, this);
  }

  receive(data: Buffer, isBinary: boolean): Completion {
    if (this.#violated || this.isExpired) return undefined;
    let decoded: unknown;
    try {
      decoded = this.#decode(data, isBinary);
    } catch (error) {
      return this.messageFailed(error, undefined);
    }
    if (!hookTrace.hasSubscribers) return this.#serve(decoded, isBinary);
    return this.traced(undefined, decoded, (trace) =>
      this.#serve(decoded, isBinary, trace && new TracedReplier(this, trace)),
    );
  }

  #serve(decoded: unknown, isBinary: boolean, replier: Replier = this): Completion {
    try {
      const result = this.#hooks.message(this.connection, decoded, isBinary);
      // Most handlers return nothing: that is over at once.
      if (result === undefined) return undefined;
      if (!isPromise(result)) return sendReply(replier, result, decoded);
      return Promise.resolve(result).then(
        (value) => sendReply(replier, value, decoded),
        (error: unknown) => replier.messageFailed(error, decoded),
      );
    } catch (error) {
      return replier.messageFailed(error, decoded);
    }
  }

  /** Traces what serves a member of the contract, or a message, as the hook `onMessage`. */
  traced(member: string | undefined, data: unknown, step: (trace?: HookTrace) => Completion): Completion {
    if (!hookTrace.hasSubscribers) return step();
    const { wss: server, connection } = this;
    const context = { server, connection, hook: 'onMessage' as const, data };
    const trace = new Trace(hookTrace, member === undefined ? context : { ...context, member });
    return trace.run(() => step(trace));
  }

  pause(): void {
    this.#isFull = true;
    this.#pace();
  }

  resume(): void {
    this.#isFull = false;
    this.#pace();
  }

  /** Reads, or not: while a hook waits for an answer of the client's, which is behind what is not read yet, for longer. */
  #pace(): void {
    const { websocket } = this;
    const isAsking =
      this.#rpc !== undefined && this.#rpc.isAsking && !this.#inbox.exceeds(ASKING_MESSAGES, ASKING_BYTES);
    if ((this.#isFull || this.#isHeld || this.#draining) && !isAsking) websocket.pause();
    else websocket.resume();
  }

  overflow(bufferedAmount: number): void {
    const { maxBufferedAmount } = this.#owner.options;
    this.fail(
      CloseCode.TRY_AGAIN_LATER,
      new Error(
        `The client does not read: ${bufferedAmount} bytes are buffered, maxBufferedAmount is ${maxBufferedAmount}`,
      ),
    );
    this.websocket.close(CloseCode.TRY_AGAIN_LATER);
  }

  lost(): void {
    this.fail(
      CloseCode.INTERNAL_ERROR,
      new Error('A buffer that was sent was detached (transferred to another owner) before it had left'),
    );
    this.websocket.close(CloseCode.INTERNAL_ERROR);
  }

  /** Tells `onError`, in its turn, of a failure of the socket or the protocol. */
  fail(errCode: number, error: unknown): void {
    // onTerminate is the last hook: nothing is told after the close.
    if (this.websocket.readyState === this.websocket.CLOSED) return;
    this.#inbox.perform(() => this.#report(errorDetails(error, 'wsck', errCode)));
  }

  /**
   * Reads no more, serves what was received, then closes with 1001. What a client brings is read first: `onOpen` waits for
   * that, and a client that was taken for a new one would lose what it missed.
   */
  shutdown(): void {
    const { resuming } = this;
    if (resuming === undefined || resuming.isReady) this.#drain();
    else void resuming.ready.then(() => this.#drain());
  }

  #drain(): void {
    this.#draining = true;
    this.#rate?.release();
    this.#pace();
    this.websocket.afterReceived(() => {
      this.#rpc?.drain();
      this.#inbox.perform(() => this.#rpc?.idle());
      this.#inbox.perform(() => {
        this.#draining = false;
        this.websocket.close(CloseCode.GOING_AWAY);
        this.websocket.resume();
        return undefined;
      });
    });
  }

  /** The socket is closed: what waits is still served, then `onTerminate` runs. */
  closed(code: number, reason: Buffer): void {
    this.#owner.disconnected(this);
    this.#rate?.release();
    this.#expiry?.stop();
    this.outbox.close();
    this.#streams?.close();
    this.#rpc?.closed();
    const text = reason.length === 0 ? undefined : reason.toString();
    if (connectionClose.hasSubscribers) {
      connectionClose.publish({
        server: this.wss,
        connection: this.connection,
        code,
        reason: text ?? '',
        duration: performance.now() - this.openedAt,
      });
    }
    if (this.#rpc !== undefined) this.#inbox.perform(() => this.#rpc!.idle());
    this.#inbox.perform(() => {
      this.#terminated = true;
      const { terminate } = this.#hooks;
      const completion = this.#run(
        'onTerminate',
        terminate && (() => terminate(this.connection, code, text)),
      );
      if (completion !== undefined) return completion.then(() => this.#owner.ended(this));
      this.#owner.ended(this);
      return undefined;
    });
  }

  get maxBufferedAmount(): number {
    return this.#owner.options.maxBufferedAmount;
  }

  /** How many messages, and steps, wait for their turn. */
  get queuedMessages(): number {
    return this.#inbox.length;
  }

  get bufferedAmount(): number {
    return this.outbox.bufferedAmount;
  }

  get isOpen(): boolean {
    return this.websocket.readyState === this.websocket.OPEN;
  }

  reply(value: unknown): void {
    if (value === undefined || value === null) return;
    this.connection.send(sendable(value) as Sendable);
  }

  drain(threshold: number): Promise<void> {
    return this.outbox.drain(threshold);
  }

  #begin(source: HandlerSource): Completion {
    try {
      const bound = source.bind(this.connection, this.request);
      if (!isPromise(bound)) return this.#open(bound);
      return bound.then(
        (made) => this.#open(made),
        (error: unknown) => this.#abandon(error),
      );
    } catch (error) {
      return this.#abandon(error);
    }
  }

  /** Made when the first one is sent: most handlers return none. */
  get streams(): ReplyStreams {
    if (this.#streams === null) {
      this.#streams = new ReplyStreams(this);
      if (this.websocket.readyState === this.websocket.CLOSED) this.#streams.close();
    }
    return this.#streams;
  }

  /** A message failed: the exception filters first, then `onError`. */
  messageFailed(error: unknown, data: unknown): Completion {
    if (isInstance(error, MessageDecodeError)) {
      const reported = this.#report(errorDetails(error, error.componentSignature));
      if (error.fatal) {
        this.#violated = true;
        this.websocket.close(error.errCode);
      }
      return reported;
    }
    if (this.#hooks.filter === undefined) return this.#report(errorDetails(error, 'user'));
    return this.#attempt(() => this.#hooks.filter!(this.connection, data, error));
  }

  /** What fails in a stream is told in its turn, as that of the message it answers. */
  streamFailed(error: unknown, data: unknown): void {
    this.#inbox.perform(() =>
      this.#terminated
        ? this.#log(this.#hooks.name, errorDetails(error, 'user'))
        : this.messageFailed(error, data),
    );
  }

  #open({ handler, hooks }: BoundHandler): Completion {
    this.handler = handler;
    this.#hooks = hooks;
    if (hooks.contract !== undefined) {
      this.#rpc = new RpcLink(hooks.contract, this);
      // What came before the handler was there.
      this.#inbox.redirect((data, isBinary) => this.#take(data, isBinary));
      if (this.websocket.readyState === this.websocket.CLOSED) this.#rpc.closed();
    }
    if (this.websocket.readyState !== this.websocket.CLOSED) this.#owner.connected(this);
    const reconnected = this.resuming !== undefined && this.resuming.earlierIds.size > 0;
    return this.#run('onOpen', hooks.open && (() => hooks.open!(this.connection, reconnected)));
  }

  /** The handler could not be made: there is nobody to serve the client. */
  #abandon(error: unknown): undefined {
    this.#owner.report(errorDetails(error, 'user'));
    this.websocket.close(CloseCode.INTERNAL_ERROR);
  }

  #report(errors: ErrorList): Completion {
    const { name, error: onError } = this.#hooks;
    if (onError === undefined) return this.#log(name, errors);
    this.#publishError(errors);
    return this.#run(
      'onError',
      () => onError(this.connection, errors),
      (error) => this.#log(`${name} (onError)`, errorDetails(error, 'user')),
    );
  }

  #log(name: string, errors: ErrorList): undefined {
    this.#publishError(errors);
    this.#owner.logError(name, errors);
  }

  #publishError(errors: ErrorList): void {
    if (errorChannel.hasSubscribers)
      errorChannel.publish({ server: this.wss, connection: this.connection, errors });
  }

  /** Runs a hook, if there is one; what it throws, or rejects with, goes to `onError`, or where it is said to go. */
  #run(
    name: HookName,
    hook: (() => unknown) | undefined,
    failed?: (error: unknown) => Completion,
  ): Completion {
    if (hook === undefined) return undefined;
    if (!hookTrace.hasSubscribers) return this.#attempt(hook, failed);
    const trace = new Trace(hookTrace, { server: this.wss, connection: this.connection, hook: name });
    return trace.run(() => this.#attempt(hook, failed, trace));
  }

  #attempt(
    hook: () => unknown,
    handle: (error: unknown) => Completion = (error) => this.#report(errorDetails(error, 'user')),
    trace?: HookTrace,
  ): Completion {
    const failed = (error: unknown): Completion => {
      trace?.failed(error);
      return handle(error);
    };
    try {
      const result = hook();
      return isPromise(result) ? Promise.resolve(result).then(nothing, failed) : undefined;
    } catch (error) {
      return failed(error);
    }
  }
}

function nothing(): void {}

/** Whether an error says that a token is not good, and not that nobody could look at it. */
function isRefusal(error: unknown): error is HttpException {
  return isInstance(error, HttpException) && error.getStatus() < 500;
}
