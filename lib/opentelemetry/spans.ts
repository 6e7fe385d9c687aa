import { AsyncLocalStorage } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import {
  context as contexts,
  createContextKey,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace as traces,
  type Context,
  type Link,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import type { HandshakeContext, HookContext } from '../server/diagnostics.js';
import type { WebSocketConnection } from '../server/web-socket-connection.js';
import type { WebSocketInstrumentationConfig } from './instrumentation-config.js';
import type { Quietly } from './quietly.js';
import { answerAttributes, hookAttributes, pathOf, requestAttributes } from './span-attributes.js';
import type { Subscriptions } from './subscriptions.js';

/** In the context of a handshake: its span. `onOpen` begins within it. */
const HANDSHAKE = createContextKey('nestjs-4d-websocket handshake');

/**
 * Binds a context of OpenTelemetry's to a channel, as `bindStore` binds a storage. Whichever context manager there is keeps it: which
 * storage that has, if it has one, is its own affair.
 */
class ContextStore extends AsyncLocalStorage<Context> {
  override run<R, A extends unknown[]>(context: Context, callback: (...args: A) => R, ...args: A): R {
    return contexts.with(context, () => callback(...args));
  }
}

/**
 * Spans of handshakes and hooks (reference 18.2). A handshake's is a child of who sent the request. A hook's is the root of a trace of its
 * own, since a connection may last for days, with a link to the handshake's; what the hook does is below it.
 */
export class Spans {
  readonly #config: () => WebSocketInstrumentationConfig;
  readonly #tracer: () => Tracer;
  readonly #quietly: Quietly;
  readonly #spans = new WeakMap<object, Span>();
  /** The spans of the handshakes that connections came of. */
  readonly #handshakes = new WeakMap<WebSocketConnection, SpanContext>();

  constructor(config: () => WebSocketInstrumentationConfig, tracer: () => Tracer, quietly: Quietly) {
    this.#config = config;
    this.#tracer = tracer;
    this.#quietly = quietly;
  }

  begin(subscriptions: Subscriptions): void {
    this.#bind<HandshakeContext>('handshake', subscriptions, (context) => this.#beginHandshake(context));
    this.#bind<HookContext>('hook', subscriptions, (context) => this.#beginHook(context));
    subscriptions.add<HandshakeContext>('tracing:handshake:asyncEnd', (context) =>
      this.#endHandshake(context),
    );
    subscriptions.add<HookContext>('tracing:hook:asyncEnd', (context) => this.#spans.get(context)?.end());
    for (const name of ['handshake', 'hook'])
      subscriptions.add<HandshakeContext | HookContext>(`tracing:${name}:error`, (context) => {
        const span = this.#spans.get(context);
        if (span !== undefined) failed(span, context.error);
      });
  }

  /** Makes what `begin` makes of an operation the context of all that the operation does. */
  #bind<T extends object>(
    name: 'handshake' | 'hook',
    subscriptions: Subscriptions,
    begin: (operation: T) => Context,
  ): void {
    const { start } = tracingChannel<Context, T>(`nestjs-4d-websocket:${name}`);
    const store = new ContextStore();
    start.bindStore(
      store,
      (operation) => this.#quietly.run(() => begin(operation as T)) ?? contexts.active(),
    );
    subscriptions.onEnd(() => start.unbindStore(store));
  }

  #beginHandshake(handshake: HandshakeContext): Context {
    const { server, request } = handshake;
    const active = contexts.active();
    // An instrumentation of HTTP may have one already, which has read the headers.
    const parent =
      traces.getSpan(active) === undefined ? propagation.extract(active, request.headers) : active;
    const span = this.#tracer().startSpan(
      server === undefined ? 'GET' : `GET ${pathOf(server)}`,
      { kind: SpanKind.SERVER, attributes: requestAttributes(handshake) },
      parent,
    );
    this.#spans.set(handshake, span);
    return traces.setSpan(parent, span).setValue(HANDSHAKE, span);
  }

  #endHandshake(handshake: HandshakeContext): void {
    const span = this.#spans.get(handshake);
    if (span === undefined) return;
    const { connection, status = 0 } = handshake;
    if (connection !== undefined) this.#handshakes.set(connection, span.spanContext());
    if (span.isRecording()) {
      span.setAttributes(answerAttributes(handshake));
      if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      const { handshakeHook } = this.#config();
      if (handshakeHook !== undefined) this.#quietly.run(() => handshakeHook(span, handshake));
    }
    span.end();
  }

  #beginHook(hook: HookContext): Context {
    const active = contexts.active();
    const { ignoreHandlerHook, handlerHook } = this.#config();
    const { connection, member, hook: name, server } = hook;
    const own = active.deleteValue(HANDSHAKE);
    if (ignoreHandlerHook !== undefined && this.#quietly.run(() => ignoreHandlerHook(hook)) === true)
      return traces.deleteSpan(own);
    const handshake = connection && this.#handshakeOf(connection, active);
    const links: Link[] = handshake === undefined ? [] : [{ context: handshake }];
    const span = this.#tracer().startSpan(
      `${member ?? name} ${pathOf(server)}`,
      {
        root: true,
        kind: name === 'onMessage' ? SpanKind.SERVER : SpanKind.INTERNAL,
        attributes: hookAttributes(hook),
        links,
      },
      own,
    );
    this.#spans.set(hook, span);
    if (handlerHook !== undefined && span.isRecording()) this.#quietly.run(() => handlerHook(span, hook));
    return traces.setSpan(own, span);
  }

  #handshakeOf(connection: WebSocketConnection, active: Context): SpanContext | undefined {
    const known = this.#handshakes.get(connection);
    if (known !== undefined) return known;
    // onOpen begins before the handshake's own end.
    const span = active.getValue(HANDSHAKE) as Span | undefined;
    if (span === undefined) return undefined;
    this.#handshakes.set(connection, span.spanContext());
    return span.spanContext();
  }
}

function failed(span: Span, error: unknown): void {
  const exception = error instanceof Error ? error : String(error);
  span.recordException(exception);
  span.setStatus({
    code: SpanStatusCode.ERROR,
    message: typeof exception === 'string' ? exception : exception.message,
  });
}
