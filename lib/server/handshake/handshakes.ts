import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { HttpException } from '@nestjs/common';
import { WebSocketServer as ProtocolServer, type ServerOptions as ProtocolOptions } from 'ws';
import type {
  HandshakeMiddleware,
  HandshakeRequest,
  OriginCheck,
  PerMessageDeflateOptions,
} from '../../interfaces/index.js';
import { peerAddress, type ClientAddress } from './client-address.js';
import { closeReason } from '../../errors/close-code.js';
import { chooseProtocol } from './choose-protocol.js';
import { takeOffBearer } from './bearer-offer.js';
import { ConnectionSocket } from '../socket/connection-socket.js';
import { errorDetails, type ErrorList } from '../../errors/error-details.js';
import { HandshakeExchange } from './handshake-exchange.js';
import { HandshakeRate, type HandshakeLimit } from './handshake-rate.js';
import { HandshakeTrace } from './handshake-trace.js';
import { LazyHandshakeRequest } from './handshake-request.js';
import { NegotiatedDeflate } from './negotiated-deflate.js';
import type { SharedDeflate } from '../message/shared-deflate.js';
import { runMiddleware } from './handshake-middleware.js';
import { PendingHandshake, type PendingHandshakeLimits } from './pending-handshake.js';
import { isInstance } from '../../foundation/instance.js';
import { isPromise } from '../../foundation/promise.js';
import { limitChannel } from '../../observability/channels.js';
import type { LimitName } from '../../observability/events.js';
import { isV1 } from '../../protocol/sub-protocol.js';
import { httpError, refusalOf, refusalStatus, refuse, refuseWith, type Refusal } from './refusal.js';
import { checkUpgrade } from './upgrade-check.js';

/** The options of a server that its handshakes need. */
export interface HandshakeOptions extends PendingHandshakeLimits {
  readonly maxPayload: number;
  readonly maxFragments: number;
  readonly maxConnections: number;
  readonly allowsOrigin: OriginCheck | undefined;
  readonly clientAddress: ClientAddress;
  readonly protocols: readonly string[];
  readonly resume: boolean;
  readonly middleware: readonly HandshakeMiddleware[];
  readonly closeTimeout: number;
  readonly perMessageDeflate: boolean | PerMessageDeflateOptions;
  readonly refusals: 'http' | 'close';
  readonly handshakeRate: readonly HandshakeLimit[];
}

/**
 * What handshakes need from their server.
 *
 * @typeParam Source who serves a client that is let in
 */
export interface HandshakeServer<Source extends object> {
  /** The server as the application knows it. */
  readonly wss: object;
  readonly options: HandshakeOptions;
  /** Whether it takes no new clients because it is closing or closed. */
  readonly closing: boolean;
  /** How many clients it has. */
  readonly size: number;
  decide(exchange: HandshakeExchange): Source | null | Promise<Source | null>;
  /** A client is in: its 101 is out. Returns the connection, as the application knows it. */
  accept(websocket: ConnectionSocket, request: HandshakeRequest, source: Source): object;
  report(errors: ErrorList): void;
}

/** The close code of a refusal is this and its HTTP status. */
const REFUSED = 4000;

const ORIGIN_REFUSED = Symbol('origin refused');

/** Who serves a client, or that nobody does. */
type Decision<Source> = Source | null | typeof ORIGIN_REFUSED;

/** A handshake on its way. */
interface Attempt {
  readonly raw: IncomingMessage;
  readonly socket: Duplex;
  head: Buffer;
  readonly exchange: HandshakeExchange;
  /** Undefined if nobody listens. */
  readonly trace: HandshakeTrace | undefined;
  /** Whether it was answered, or its client went away, before it was decided. */
  isOver: boolean;
}

/**
 * The opening handshakes of one server, in the order of reference 10.1: the checks, then `onConnection`, then the 101.
 */
export class Handshakes<Source extends object> {
  readonly #server: HandshakeServer<Source>;
  readonly #protocol: ProtocolServer;
  readonly #rates: readonly HandshakeRate[];
  readonly #pending = new Map<PendingHandshake, Attempt>();
  /** Clients that are told by a close frame that they are refused. */
  readonly #refused = new Set<ConnectionSocket>();
  // ws writes the 101 within handleUpgrade; its event for the headers tells no more than the request.
  #upgradeHeaders: readonly string[] = [];
  #upgrading: HandshakeTrace | undefined;
  #deflate: SharedDeflate | undefined;

  constructor(server: HandshakeServer<Source>) {
    const { options } = server;
    this.#server = server;
    // Addresses first: what one of them may not have must not take from what all have.
    this.#rates = options.handshakeRate
      .map((limit) => new HandshakeRate(limit))
      .sort((one, other) => one.by.localeCompare(other.by));
    // The types of ws don't know all of them yet.
    const protocolOptions: ProtocolOptions & { closeTimeout: number; maxFragments: number } = {
      noServer: true,
      clientTracking: false,
      WebSocket: ConnectionSocket,
      maxPayload: options.maxPayload,
      maxFragments: options.maxFragments,
      perMessageDeflate: options.perMessageDeflate as ProtocolOptions['perMessageDeflate'],
      closeTimeout: options.closeTimeout,
      handleProtocols: (offered) => chooseProtocol(offered, options),
    };
    this.#protocol = new ProtocolServer(protocolOptions);
    const { perMessageDeflate } = options;
    const negotiated =
      perMessageDeflate === false
        ? undefined
        : new NegotiatedDeflate(perMessageDeflate === true ? {} : perMessageDeflate);
    this.#protocol.on('headers', (headers) => {
      this.#deflate = negotiated?.read(headers);
      headers.push(...this.#upgradeHeaders);
    });
    // What our own checks leave to ws: malformed lists of sub-protocols and extensions.
    this.#protocol.on('wsClientError', (error: Error, socket: Duplex) =>
      reject(socket, httpError(400, error.message), this.#upgrading),
    );
  }

  /**
   * Answers an upgrade request.
   *
   * @param params the parameters that the server's path pattern found in the URL
   */
  handle(
    raw: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    params: Readonly<Record<string, string | string[]>>,
  ): void {
    // Whatever is done to the socket meanwhile, and fails, concerns nobody else.
    socket.on('error', ignore);
    const trace = HandshakeTrace.of(this.#server.wss, raw);
    if (trace === undefined) this.#handle(raw, socket, head, params);
    else trace.begin(() => this.#handle(raw, socket, head, params, trace));
  }

  #handle(
    raw: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    params: Readonly<Record<string, string | string[]>>,
    trace?: HandshakeTrace,
  ): void {
    if (this.#server.closing) {
      reject(socket, closingError(), trace);
      return;
    }
    if (this.#rates.length > 0 && this.#exceedsRate(raw, socket, trace)) return;
    const malformed = takeOffBearer(raw);
    if (malformed !== undefined) {
      reject(socket, malformed, trace);
      return;
    }
    const allowed = this.#allowsOrigin(raw);
    if (allowed === false) {
      reject(socket, originError(), trace);
      return;
    }
    if (this.#refusedByChecks(raw, socket, trace)) return;
    const exchange = new HandshakeExchange(new LazyHandshakeRequest(raw, params, this.#addressOf(raw)));
    const attempt: Attempt = { raw, socket, head, exchange, trace, isOver: false };
    let decision: Decision<Source> | Promise<Decision<Source>>;
    try {
      decision = isPromise(allowed) ? this.#decideAfter(allowed, attempt) : this.#decide(attempt);
    } catch (error) {
      this.#answer(attempt, () => this.#fail(attempt, error));
      return;
    }
    if (isPromise(decision)) this.#await(attempt, decision);
    else this.#answer(attempt, () => this.#conclude(attempt, decision as Decision<Source>));
  }

  /** How many are not decided yet. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Refuses all handshakes that are not decided yet. */
  refusePending(): void {
    for (const [pending, attempt] of this.#pending) {
      pending.stop();
      attempt.isOver = true;
      reject(attempt.socket, closingError(), attempt.trace);
    }
    this.#pending.clear();
  }

  /** Waits no longer for clients that were refused by a close frame to close their side. */
  destroyRefused(): void {
    for (const websocket of this.#refused) websocket.terminate();
  }

  /** Refuses what comes too often. That has to cost next to nothing: nobody of the application is asked. */
  #exceedsRate(raw: IncomingMessage, socket: Duplex, trace: HandshakeTrace | undefined): boolean {
    const now = performance.now();
    for (const rate of this.#rates) {
      const wait = rate.take(rate.by === 'address' ? this.#addressOf(raw) : '', now);
      if (wait === 0) continue;
      const error =
        rate.by === 'address'
          ? httpError(429, 'Too many handshakes from this address')
          : httpError(503, 'Too many handshakes at once');
      this.#limited('handshakeRate');
      reject(socket, error, trace, [`Retry-After: ${Math.ceil(wait / 1000)}`]);
      return true;
    }
    return false;
  }

  #limited(limit: LimitName): void {
    if (limitChannel.hasSubscribers)
      limitChannel.publish({ server: this.#server.wss, connection: undefined, limit });
  }

  #refusedByChecks(raw: IncomingMessage, socket: Duplex, trace: HandshakeTrace | undefined): boolean {
    const { options, size } = this.#server;
    if (size + this.#pending.size >= options.maxConnections) {
      this.#limited('maxConnections');
      reject(socket, httpError(503, 'The server has as many connections as it may have'), trace);
      return true;
    }
    const invalid = checkUpgrade(raw);
    if (invalid !== undefined) reject(socket, invalid.error, trace, invalid.headers);
    return invalid !== undefined;
  }

  /** Whether a page of the request's origin may connect. */
  #allowsOrigin(raw: IncomingMessage): boolean | Promise<boolean> {
    const { allowsOrigin } = this.#server.options;
    const { origin } = raw.headers;
    if (origin === undefined || allowsOrigin === undefined) return true;
    const failed = (error: unknown): false => {
      this.#server.report(errorDetails(error, 'http'));
      return false;
    };
    try {
      const allowed: unknown = allowsOrigin(origin, raw);
      // Nothing but true is a permission.
      if (!isPromise(allowed)) return allowed === true;
      return Promise.resolve(allowed).then((decided) => decided === true, failed);
    } catch (error) {
      return failed(error);
    }
  }

  #addressOf(raw: IncomingMessage): string {
    try {
      return this.#server.options.clientAddress(raw);
    } catch (error) {
      // The application's own trustProxy failed. The peer's address is the one that nobody can claim.
      this.#server.report(errorDetails(error, 'http'));
      return peerAddress(raw);
    }
  }

  #decide(attempt: Attempt): Source | null | Promise<Source | null> {
    return this.#server.options.middleware.length === 0
      ? this.#server.decide(attempt.exchange)
      : this.#throughMiddleware(attempt);
  }

  async #throughMiddleware(attempt: Attempt): Promise<Source | null> {
    const { response, request } = attempt.exchange;
    await runMiddleware(this.#server.options.middleware, request.raw, response);
    return response.answered || attempt.isOver ? null : this.#server.decide(attempt.exchange);
  }

  async #decideAfter(allowed: Promise<boolean>, attempt: Attempt): Promise<Decision<Source>> {
    if (!(await allowed)) return ORIGIN_REFUSED;
    return attempt.isOver ? null : this.#decide(attempt);
  }

  #await(attempt: Attempt, decision: Promise<Decision<Source>>): void {
    const { options } = this.#server;
    const pending = new PendingHandshake(attempt.socket, options, {
      gone: () => {
        attempt.isOver = true;
        this.#pending.delete(pending);
        attempt.trace?.gone();
      },
      timedOut: () => {
        if (!stillPending()) return;
        attempt.isOver = true;
        this.#refuse(attempt, 'failed', refusalOf(httpError(503, 'The handshake took too long')));
        const error = new Error(
          `onConnection took longer than handshakeTimeout, ${options.handshakeTimeout} ms`,
        );
        this.#server.report(errorDetails(error, 'http', 503));
      },
    });
    this.#pending.set(pending, attempt);
    // A handshake that is no longer pending was answered already, or has nobody to answer.
    const stillPending = (): boolean => {
      if (!this.#pending.delete(pending)) return false;
      const received = pending.stop();
      if (received.length > 0) attempt.head = Buffer.concat([attempt.head, ...received]);
      return true;
    };
    decision.then(
      (decided) => {
        if (stillPending()) this.#answer(attempt, () => this.#conclude(attempt, decided));
      },
      (error: unknown) => {
        if (stillPending()) this.#answer(attempt, () => this.#fail(attempt, error));
      },
    );
  }

  /** Answers; what fails in it, a listener of the response's headers for instance, is one more reason to refuse. */
  #answer(attempt: Attempt, answer: () => void): void {
    try {
      answer();
    } catch (error) {
      const internal = refusalOf(httpError(500, 'Internal server error'));
      refuse(attempt.socket, internal);
      attempt.trace?.threw(error);
      attempt.trace?.refused('failed', internal.status, internal.reason);
      this.#server.report(errorDetails(error, 'http', 500));
    }
  }

  #conclude(attempt: Attempt, decision: Decision<Source>): void {
    const { socket, exchange } = attempt;
    const response = exchange.usedResponse;
    if (decision === ORIGIN_REFUSED) {
      reject(socket, originError(), attempt.trace);
    } else if (response?.answered) {
      const status = refusalStatus(response.statusCode);
      const reason = STATUS_CODES[status] ?? '';
      this.#refuse(attempt, 'refused', {
        status,
        reason,
        body: response.body,
        headers: response.headerLines(status),
      });
    } else if (decision === null) {
      this.#refuse(attempt, 'refused', refusalOf(httpError(403, 'Forbidden'), response?.headerLines(403)));
    } else if (this.#server.closing) {
      reject(socket, closingError(), attempt.trace);
    } else {
      this.#upgrade(attempt, (websocket) => {
        const connection = this.#server.accept(websocket, exchange.request, decision);
        attempt.trace?.accepted(connection);
      });
    }
  }

  #fail(attempt: Attempt, error: unknown): void {
    const response = attempt.exchange.usedResponse;
    const isForClient = isInstance(error, HttpException);
    const told = isForClient ? error : httpError(500, 'Internal server error');
    const refusal = refusalOf(told, response?.headerLines(told.getStatus()));
    if (!isForClient) attempt.trace?.threw(error);
    this.#refuse(attempt, isForClient ? 'refused' : 'failed', refusal);
    if (!isForClient) this.#server.report(errorDetails(error, 'user'));
    else if (refusal.failure !== undefined) this.#server.report(errorDetails(refusal.failure, 'http'));
  }

  /** Tells a client of what `onConnection`, or what is around it, decided against it. */
  #refuse(attempt: Attempt, outcome: 'refused' | 'failed', refusal: Refusal): void {
    attempt.trace?.refused(outcome, refusal.status, refusal.reason);
    if (!this.#closesRefused(attempt.raw)) {
      refuse(attempt.socket, refusal);
      return;
    }
    this.#upgrade(attempt, (websocket) => {
      this.#refused.add(websocket);
      // What the client does wrong meanwhile changes nothing.
      websocket.on('error', () => undefined);
      websocket.on('close', () => this.#refused.delete(websocket));
      websocket.close(REFUSED + refusal.status, closeReason(refusal.reason));
    });
  }

  /** Whether a client learns by a close frame that it is refused; one that speaks our sub-protocol waits for that. */
  #closesRefused({ headers }: IncomingMessage): boolean {
    const { options } = this.#server;
    if (options.refusals === 'close') return true;
    const offered = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim());
    const chosen = chooseProtocol(new Set(offered), options);
    return chosen !== false && isV1(chosen);
  }

  #upgrade(attempt: Attempt, accepted: (websocket: ConnectionSocket) => void): void {
    const { raw, socket, head, exchange } = attempt;
    // Made before the 101 is begun: what the application does then may fail.
    this.#upgradeHeaders = exchange.usedResponse?.headerLines(101) ?? [];
    this.#upgrading = attempt.trace;
    try {
      this.#protocol.handleUpgrade(raw, socket, head, (websocket) => {
        (websocket as ConnectionSocket).deflate = this.#deflate;
        accepted(websocket as ConnectionSocket);
      });
    } finally {
      this.#upgradeHeaders = [];
      this.#upgrading = undefined;
    }
  }
}

/** Refuses what the application was not asked about. */
function reject(
  socket: Duplex,
  error: HttpException,
  trace: HandshakeTrace | undefined,
  headers?: readonly string[],
): void {
  trace?.rejected(error);
  refuseWith(socket, error, headers);
}

function closingError(): HttpException {
  return httpError(503, 'The server is shutting down');
}

function originError(): HttpException {
  return httpError(403, 'This origin may not connect');
}

function ignore(): void {}
