import type { Socket } from 'node:net';
import { isObservable, type Observable } from 'rxjs';
import type { HandshakeRequest } from '../interfaces/index.js';
import { CloseCode } from './close-code.js';
import { listen } from './connection-listeners.js';
import type { ConnectionSocket } from './connection-socket.js';
import { errorDetails, type ErrorList } from './error-details.js';
import type { BoundHandler, ConnectionHooks, HandlerSource } from './hooks.js';
import { Inbox, type InboxConsumer } from './inbox.js';
import { MESSAGE_DECODERS, MessageDecodeError, type MessageDecoder } from './message-codec.js';
import { Outbox, type OutboxObserver } from './outbox.js';
import { isPromise } from './promise.js';
import { ReplyStreams } from './reply-streams.js';
import { NO_TOPICS } from './topics.js';
import { WebSocketConnection, type Sendable } from './web-socket-connection.js';
import type { WebSocketServer } from './web-socket-server.js';

const NO_HANDLER = {};
const NO_HOOKS: ConnectionHooks = { name: 'no handler', message: () => undefined };

/**
 * The life of one connection: runs its handler's hooks in order, from the 101 to after `onTerminate`. The public
 * {@link WebSocketConnection} is its face.
 */
export class ConnectionSession implements InboxConsumer, OutboxObserver {
  readonly server: WebSocketServer;
  readonly request: HandshakeRequest;
  readonly websocket: ConnectionSocket;
  readonly socket: Socket;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly connection: WebSocketConnection;
  handler: object = NO_HANDLER;
  topics: ReadonlySet<string> = NO_TOPICS;
  /** The heartbeat's notes: what had been read from the socket at its last round, and how long that was all. */
  bytesRead = 0;
  silentFor = 0;
  readonly #decode: MessageDecoder;
  #hooks: ConnectionHooks = NO_HOOKS;
  #streams: ReplyStreams | null = null;
  #draining = false;
  // What comes after a message that ends the connection is not served (RFC 6455, section 7.1.7).
  #violated = false;
  #ending = false;

  constructor(server: WebSocketServer, id: number, websocket: ConnectionSocket, request: HandshakeRequest) {
    this.server = server;
    this.request = request;
    this.websocket = websocket;
    this.socket = request.raw.socket;
    this.#decode = MESSAGE_DECODERS[server.dataType];
    this.inbox = new Inbox(this, server.options.maxQueuedMessages);
    this.outbox = new Outbox(websocket, this.socket, this, server.options.maxBufferedAmount);
    this.connection = new WebSocketConnection(id, this);
    listen(this);
  }

  /** Makes the handler, then runs `onOpen`; messages wait meanwhile. */
  start(source: HandlerSource): void {
    let bound: BoundHandler | Promise<BoundHandler>;
    try {
      bound = source.bind(this.connection, this.request);
    } catch (error) {
      this.#abandon(error);
      return;
    }
    if (isPromise(bound)) {
      bound.then(
        (made) => this.#open(made),
        (error: unknown) => this.#abandon(error),
      );
    } else {
      this.#open(bound);
    }
  }

  receive(data: Buffer, isBinary: boolean): boolean {
    if (this.#violated) return true;
    let decoded: unknown;
    let result: unknown;
    try {
      decoded = this.#decode(data, isBinary);
      result = this.#hooks.message(this.connection, decoded);
      if (result === undefined || result === null) return true;
      if (typeof result === 'object') {
        if (isPromise(result)) {
          result.then(
            (value) => this.#reply(value, decoded),
            (error: unknown) => this.#settle(() => this.#failed(error, decoded)),
          );
          return false;
        }
        if (isObservable(result)) {
          this.#stream(result, decoded);
          return true;
        }
      }
      this.connection.send(result as Sendable);
      return true;
    } catch (error) {
      return this.#failed(error, decoded);
    }
  }

  pause(): void {
    this.websocket.pause();
  }

  resume(): void {
    if (!this.#draining) this.websocket.resume();
  }

  overflow(bufferedAmount: number): void {
    const { maxBufferedAmount } = this.server.options;
    this.fail(
      CloseCode.TRY_AGAIN_LATER,
      new Error(
        `The client does not read: ${bufferedAmount} bytes are buffered, maxBufferedAmount is ${maxBufferedAmount}`,
      ),
    );
    this.websocket.close(CloseCode.TRY_AGAIN_LATER);
  }

  /** Tells `onError`, in its turn, of a failure of the socket or the protocol. */
  fail(errCode: number, error: unknown): void {
    // onTerminate is the last hook: nothing is told after the close.
    if (this.websocket.readyState === this.websocket.CLOSED) return;
    this.inbox.perform(() => this.#report(errorDetails(error, 'wsck', errCode)));
  }

  /** Reads no more, serves what was received, then closes with 1001. */
  shutdown(): void {
    this.#draining = true;
    this.websocket.pause();
    this.inbox.perform(() => {
      this.#draining = false;
      this.websocket.close(CloseCode.GOING_AWAY);
      this.websocket.resume();
      return true;
    });
  }

  /** The socket is closed: what waits is still served, then `onTerminate` runs. */
  closed(code: number, reason: Buffer): void {
    this.server.connections.delete(this.connection);
    this.server.topics.leaveAll(this);
    this.outbox.close();
    this.#streams?.close();
    this.#streams = null;
    const text = reason.length === 0 ? undefined : reason.toString();
    this.inbox.perform(() => this.#terminate(code, text));
  }

  #open({ handler, hooks }: BoundHandler): void {
    this.handler = handler;
    this.#hooks = hooks;
    if (this.websocket.readyState !== this.websocket.CLOSED) this.server.connections.add(this.connection);
    if (this.#run(() => hooks.open?.(this.connection))) this.inbox.release();
  }

  #terminate(code: number, reason: string | undefined): boolean {
    this.#ending = true;
    const completed = this.#run(() => this.#hooks.terminate?.(this.connection, code, reason));
    if (completed) this.server.ended(this);
    return completed;
  }

  /** The handler could not be made: there is nobody to serve the client. */
  #abandon(error: unknown): void {
    this.server.report(errorDetails(error, 'user'));
    this.websocket.close(CloseCode.INTERNAL_ERROR);
    this.inbox.release();
  }

  /** Runs a hook; what it throws goes to `onError`. Returns as {@link #complete}. */
  #run(hook: () => unknown): boolean {
    return this.#complete(hook, (error) => this.#report(errorDetails(error, 'user')));
  }

  /** Runs a hook; returns whether it is done, otherwise {@link #settle} is called at its end. */
  #complete(hook: () => unknown, failed: (error: unknown) => boolean): boolean {
    try {
      const result = hook();
      if (!isPromise(result)) return true;
      result.then(
        () => this.#settle(() => true),
        (error: unknown) => this.#settle(() => failed(error)),
      );
      return false;
    } catch (error) {
      return failed(error);
    }
  }

  /** An asynchronous hook ended; a last step may go on for longer. */
  #settle(lastStep: () => boolean): void {
    if (!lastStep()) return;
    if (this.#ending) this.server.ended(this);
    this.inbox.release();
  }

  #reply(value: unknown, data: unknown): void {
    if (isObservable(value)) {
      this.#stream(value, data);
    } else if (value !== undefined && value !== null) {
      try {
        this.connection.send(value as Sendable);
      } catch (error) {
        this.#settle(() => this.#failed(error, data));
        return;
      }
    }
    this.inbox.release();
  }

  /** Sends each value of a stream. The next message does not wait for its end. */
  #stream(values: Observable<unknown>, data: unknown): void {
    if (this.websocket.readyState === this.websocket.CLOSED) return;
    this.#streams ??= new ReplyStreams();
    this.#streams.add(values, this.connection, (error) =>
      this.inbox.perform(() => this.#failed(error, data)),
    );
  }

  /** A message failed: the exception filters first, then `onError`. */
  #failed(error: unknown, data: unknown): boolean {
    if (error instanceof MessageDecodeError) {
      const reported = this.#report(errorDetails(error, error.componentSignature));
      if (error.fatal) {
        this.#violated = true;
        this.websocket.close(error.errCode);
      }
      return reported;
    }
    if (this.#hooks.filter === undefined) return this.#report(errorDetails(error, 'user'));
    return this.#run(() => this.#hooks.filter!(this.connection, data, error));
  }

  #report(errors: ErrorList): boolean {
    if (this.#hooks.error === undefined) {
      this.server.logError(this.#hooks.name, errors);
      return true;
    }
    return this.#complete(
      () => this.#hooks.error!(this.connection, errors),
      (error) => {
        this.server.logError(`${this.#hooks.name} (onError)`, errorDetails(error, 'user'));
        return true;
      },
    );
  }
}
