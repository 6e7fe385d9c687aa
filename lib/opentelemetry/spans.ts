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

/** Where an operation keeps its span: a WeakMap would be work for the garbage collector with each message. */
const SPAN = Symbol('nestjs-4d-websocket span');

type Traced<T> = T & { [SPAN]?: Span };

/** In the context of a handshake: its span. `onOpen` begins within it. */
const HANDSHAKE = createContextKey('nestjs-4d-websocket handshake');

/**
 * Binds a context of OpenTelemetry's to a channel, as `bindStore` binds a storage. Whichever context manager there is keeps it: which
 * storage that has, if it has one, is its own affair.
 */
class ContextStore extends AsyncLocalStorage<Context> {
  override run<R, A extends unknown[]>(context: Context, callback: (...args: A) => R, ...args: A): R {
    return contexts.with(context, callback, undefined, ...args);
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
    subscriptions.add<Traced<HookContext>>('tracing:hook:asyncEnd', (hook) => hook[SPAN]?.end());
    for (const name of ['handshake', 'hook'])
      subscriptions.add<Traced<HandshakeContext | HookContext>>(`tracing:${name}:error`, (operation) => {
        const span = operation[SPAN];
        if (span !== undefined) failed(span, operation.error);
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

  #beginHandshake(handshake: Traced<HandshakeContext>): Context {
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
    handshake[SPAN] = span;
    return traces.setSpan(parent, span).setValue(HANDSHAKE, span);
  }

  #endHandshake(handshake: Traced<HandshakeContext>): void {
    const span = handshake[SPAN];
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

  #beginHook(hook: Traced<HookContext>): Context {
    const active = contexts.active();
    const parent = withoutSpans(active);
    const { ignoreHandlerHook, handlerHook } = this.#config();
    if (ignoreHandlerHook !== undefined && this.#quietly.run(() => ignoreHandlerHook(hook)) === true)
      return parent;
    const { connection, member, hook: name, server } = hook;
    const span = this.#tracer().startSpan(
      `${member ?? name} ${pathOf(server)}`,
      {
        kind: name === 'onMessage' ? SpanKind.SERVER : SpanKind.INTERNAL,
        attributes: hookAttributes(hook),
      },
      parent,
    );
    hook[SPAN] = span;
    const handshake = connection && this.#handshakeOf(connection, active);
    // Most are not sampled: only what a sampler may look at was made for these.
    if (span.isRecording()) {
      if (connection !== undefined) span.setAttribute('websocket.connection.id', connection.id);
      if (handshake !== undefined) span.addLink({ context: handshake });
      if (handlerHook !== undefined) this.#quietly.run(() => handlerHook(span, hook));
    }
    return traces.setSpan(parent, span);
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

/** The context in which a trace of its own begins; the same one, where there is no other. */
function withoutSpans(context: Context): Context {
  const own = traces.getSpan(context) === undefined ? context : traces.deleteSpan(context);
  return own.getValue(HANDSHAKE) === undefined ? own : own.deleteValue(HANDSHAKE);
}

function failed(span: Span, error: unknown): void {
  const exception = error instanceof Error ? error : String(error);
  span.recordException(exception);
  span.setStatus({
    code: SpanStatusCode.ERROR,
    message: typeof exception === 'string' ? exception : exception.message,
  });
}
