import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { HttpException } from '@nestjs/common';
import { WebSocketServer as ProtocolServer, type ServerOptions as ProtocolOptions } from 'ws';
import type { HandshakeRequest } from '../interfaces/index.js';
import { ConnectionSocket } from './connection-socket.js';
import { errorDetails, type ErrorList } from './error-details.js';
import { HandshakeExchange } from './handshake-exchange.js';
import { LazyHandshakeRequest } from './handshake-request.js';
import { runMiddleware } from './handshake-middleware.js';
import type { HandlerSource } from './hooks.js';
import { PendingHandshake } from './pending-handshake.js';
import { isPromise } from './promise.js';
import { httpError, refuse, refuseWith } from './refusal.js';
import type { ResolvedServerOptions } from './server-options.js';
import { checkUpgrade } from './upgrade-check.js';

/** What handshakes need from their server. */
export interface HandshakeServer {
  readonly options: ResolvedServerOptions;
  /** Whether it takes no new clients because it is closing or closed. */
  readonly closing: boolean;
  /** How many clients it has. */
  readonly size: number;
  decide(exchange: HandshakeExchange): HandlerSource | null | Promise<HandlerSource | null>;
  /** A client is in: its 101 is out. */
  accept(websocket: ConnectionSocket, request: HandshakeRequest, source: HandlerSource): void;
  report(errors: ErrorList): void;
}

/** A handshake on its way. */
interface Attempt {
  readonly raw: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly exchange: HandshakeExchange;
}

/**
 * The opening handshakes of one server, in the order of SPEC 10.1: the checks, then `onConnection`, then the 101.
 */
export class Handshakes {
  readonly #server: HandshakeServer;
  readonly #protocol: ProtocolServer;
  readonly #pending = new Map<PendingHandshake, Attempt>();
  // ws writes the 101 within handleUpgrade; its event for the headers tells no more than the request.
  #upgrading: Attempt | undefined;

  constructor(server: HandshakeServer) {
    const { options } = server;
    this.#server = server;
    // The types of ws don't know closeTimeout yet.
    const protocolOptions: ProtocolOptions & { closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      WebSocket: ConnectionSocket,
      maxPayload: options.maxPayload,
      perMessageDeflate: options.perMessageDeflate as ProtocolOptions['perMessageDeflate'],
      closeTimeout: options.closeTimeout,
      handleProtocols: (offered) => options.protocols.find((name) => offered.has(name)) ?? false,
    };
    this.#protocol = new ProtocolServer(protocolOptions);
    this.#protocol.on('headers', (headers) => {
      headers.push(...(this.#upgrading?.exchange.usedResponse?.headerLines(101) ?? []));
    });
    // What our own checks leave to ws: malformed lists of sub-protocols and extensions.
    this.#protocol.on('wsClientError', (error: Error, socket: Duplex) =>
      refuse(socket, httpError(400, error.message)),
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
    if (this.#refusedByChecks(raw, socket)) return;
    const exchange = new HandshakeExchange(new LazyHandshakeRequest(raw, params, this.#addressOf(raw)));
    const attempt: Attempt = { raw, socket, head, exchange };
    let decision: HandlerSource | null | Promise<HandlerSource | null>;
    try {
      decision =
        this.#server.options.middleware.length === 0
          ? this.#server.decide(exchange)
          : this.#throughMiddleware(exchange);
    } catch (error) {
      this.#fail(attempt, error);
      return;
    }
    if (isPromise(decision)) this.#await(attempt, decision);
    else this.#conclude(attempt, decision);
  }

  /** Refuses all handshakes that are not decided yet. */
  refusePending(): void {
    for (const [pending, { socket }] of this.#pending) {
      pending.stop();
      refuse(socket, closingError());
    }
    this.#pending.clear();
  }

  #refusedByChecks(raw: IncomingMessage, socket: Duplex): boolean {
    const { options, closing, size } = this.#server;
    if (closing) {
      refuse(socket, closingError());
      return true;
    }
    const origin = raw.headers.origin;
    if (origin !== undefined && options.allowsOrigin !== undefined) {
      let allowed = false;
      try {
        // Only true: a promise, from a function that should not be asynchronous, is no permission.
        allowed = options.allowsOrigin(origin, raw) === true;
      } catch (error) {
        this.#server.report(errorDetails(error, 'http'));
      }
      if (!allowed) {
        refuse(socket, httpError(403, 'This origin may not connect'));
        return true;
      }
    }
    if (size + this.#pending.size >= options.maxConnections) {
      refuse(socket, httpError(503, 'The server has as many connections as it may have'));
      return true;
    }
    const invalid = checkUpgrade(raw);
    if (invalid !== undefined) refuse(socket, invalid.error, invalid.headers);
    return invalid !== undefined;
  }

  #addressOf(raw: IncomingMessage): string {
    try {
      return this.#server.options.clientAddress(raw);
    } catch (error) {
      // The application's own trustProxy failed. The peer's address is the one that nobody can claim.
      this.#server.report(errorDetails(error, 'http'));
      return raw.socket.remoteAddress ?? '';
    }
  }

  async #throughMiddleware(exchange: HandshakeExchange): Promise<HandlerSource | null> {
    const { response, request } = exchange;
    await runMiddleware(this.#server.options.middleware, request.raw, response);
    return response.answered ? null : this.#server.decide(exchange);
  }

  #await(attempt: Attempt, decision: Promise<HandlerSource | null>): void {
    const { handshakeTimeout } = this.#server.options;
    const pending = new PendingHandshake(attempt.socket, handshakeTimeout, {
      gone: () => this.#pending.delete(pending),
      timedOut: () => {
        this.#pending.delete(pending);
        const error = httpError(503, 'The handshake took too long');
        refuse(attempt.socket, error);
        this.#server.report(
          errorDetails(
            new Error(`onConnection took longer than handshakeTimeout, ${handshakeTimeout} ms`),
            'http',
            503,
          ),
        );
      },
    });
    this.#pending.set(pending, attempt);
    // A handshake that is no longer pending was answered already, or has nobody to answer.
    const stillPending = (): boolean => {
      if (!this.#pending.delete(pending)) return false;
      pending.stop();
      return true;
    };
    decision.then(
      (source) => {
        if (stillPending()) this.#conclude(attempt, source);
      },
      (error: unknown) => {
        if (stillPending()) this.#fail(attempt, error);
      },
    );
  }

  #conclude(attempt: Attempt, source: HandlerSource | null): void {
    const { raw, socket, head, exchange } = attempt;
    const response = exchange.usedResponse;
    if (response?.answered) {
      refuseWith(socket, response);
    } else if (source === null) {
      refuse(socket, httpError(403, 'Forbidden'), response?.headerLines(403));
    } else if (this.#server.closing) {
      refuse(socket, closingError());
    } else {
      this.#upgrading = attempt;
      try {
        this.#protocol.handleUpgrade(raw, socket, head, (websocket) => {
          this.#server.accept(websocket as ConnectionSocket, exchange.request, source);
        });
      } finally {
        this.#upgrading = undefined;
      }
    }
  }

  #fail(attempt: Attempt, error: unknown): void {
    const response = attempt.exchange.usedResponse;
    if (error instanceof HttpException) {
      refuse(attempt.socket, error, response?.headerLines(error.getStatus()));
      return;
    }
    refuse(attempt.socket, httpError(500, 'Internal server error'), response?.headerLines(500));
    this.#server.report(errorDetails(error, 'user'));
  }
}

function closingError(): HttpException {
  return httpError(503, 'The server is shutting down');
}
