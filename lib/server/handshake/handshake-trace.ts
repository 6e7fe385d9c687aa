import type { IncomingMessage } from 'node:http';
import type { HttpException } from '@nestjs/common';
import { handshakeTrace } from '../../observability/channels.js';
import type { HandshakeContext, HandshakeOutcome } from '../../observability/events.js';
import { Trace } from '../../observability/trace.js';
import { refusalOf } from './refusal.js';

/** Tells of one handshake, once, how it ended. */
export class HandshakeTrace {
  readonly #trace: Trace<HandshakeContext<object, object>>;
  #isOver = false;

  private constructor(server: object | undefined, request: IncomingMessage) {
    this.#trace = new Trace(handshakeTrace, { server, request });
  }

  /** Undefined if nobody listens. */
  static of(server: object | undefined, request: IncomingMessage): HandshakeTrace | undefined {
    return handshakeTrace.hasSubscribers ? new HandshakeTrace(server, request) : undefined;
  }

  /** A request that no server has the path of, or that can't be read, is refused. */
  static unrouted(request: IncomingMessage, error: HttpException): void {
    const trace = HandshakeTrace.of(undefined, request);
    trace?.begin(() => trace.rejected(error));
  }

  begin(operation: () => void): void {
    this.#trace.begin(operation);
  }

  /** The application threw. */
  threw(error: unknown): void {
    this.#trace.failed(error);
  }

  accepted(connection: object): void {
    this.#over('accepted', { status: 101, connection });
  }

  /** It is answered by a refusal. */
  refused(outcome: HandshakeOutcome, status: number, reason: string): void {
    this.#over(outcome, { status, reason });
  }

  rejected(error: HttpException): void {
    const { status, reason } = refusalOf(error);
    const { url = '' } = this.#trace.context.request;
    // What the client is answered may quote its URL; a query often holds a token, which is nobody else's affair.
    this.refused(
      'rejected',
      status,
      reason.replace(url, () => url.split('?', 1)[0]!),
    );
  }

  /** There is nobody to answer. */
  gone(): void {
    this.#over('failed', { reason: 'The client went away' });
  }

  #over(
    outcome: HandshakeOutcome,
    how: Pick<HandshakeContext<object, object>, 'status' | 'reason' | 'connection'>,
  ): void {
    if (this.#isOver) return;
    this.#isOver = true;
    Object.assign(this.#trace.context, { outcome }, how);
    this.#trace.over();
  }
}
