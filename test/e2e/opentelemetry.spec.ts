/** Spans and metrics of OpenTelemetry (reference 18.2), with its in-memory exporters. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { readFileSync } from 'node:fs';
import {
  Injectable,
  Scope,
  UnauthorizedException,
  UseGuards,
  UseInterceptors,
  type ExecutionContext,
} from '@nestjs/common';
import {
  context,
  diag,
  DiagLogLevel,
  metrics,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import {
  ConnectionHandler,
  WebSocketServerRegistry,
  WSSHandler,
  type HandlerOf,
  type ServerOptions,
  type WebSocketConnection,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { FourDWebSocket } from 'nestjs-4d-websocket/client';
import { defineContract } from 'nestjs-4d-websocket/contract';
import {
  WebSocketInstrumentation,
  type WebSocketInstrumentationConfig,
} from 'nestjs-4d-websocket/opentelemetry';
import { concatMap, from, map, of } from 'rxjs';
import * as v from 'valibot';
import { closeApps, startApp, type TestAppOptions } from '../support/app.js';
import { connect, connectRefused } from '../support/client.js';
import { deferred } from '../support/deferred.js';
import { FixtureProcess } from '../support/fixture.js';

const exporter = new InMemorySpanExporter();
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const stops: (() => void)[] = [];

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(tracerProvider);
});

afterEach(async () => {
  await closeApps();
  for (const stop of stops.splice(0)) stop();
  exporter.reset();
});

afterAll(() => {
  context.disable();
  propagation.disable();
  trace.disable();
});

function instrument(config: WebSocketInstrumentationConfig = {}): WebSocketInstrumentation {
  const instrumentation = new WebSocketInstrumentation(config);
  stops.push(registerInstrumentations({ instrumentations: [instrumentation], tracerProvider }));
  return instrumentation;
}

/** A call of a database, as its own instrumentation sees it. */
async function query(text: string): Promise<string> {
  return trace.getTracer('database').startActiveSpan(text, async (span) => {
    await new Promise(setImmediate);
    span.end();
    return text;
  });
}

const finished = () => exporter.getFinishedSpans();
const named = (name: string) => finished().filter((span) => span.name === name);
const idOf = (span: ReadableSpan) => span.spanContext().spanId;

/** Waits until so many spans of the name have ended. */
async function spans(name: string, count = 1): Promise<ReadableSpan[]> {
  while (named(name).length < count) await new Promise(setImmediate);
  return named(name);
}

interface Serve {
  onConnection?: () => unknown;
  onMessage?: (ws: WebSocketConnection, event: WSMessageEvent<string>) => unknown;
  guard?: (context: ExecutionContext) => boolean;
  options?: ServerOptions;
  app?: Omit<TestAppOptions, 'providers'>;
}

async function serve({ onConnection, onMessage, guard, options, app }: Serve = {}) {
  const handler = {
    onOpen: () => query('SELECT open'),
    onMessage: (ws: WebSocketConnection, event: WSMessageEvent<string>) =>
      onMessage === undefined ? query(event.data) : onMessage(ws, event),
    onError: () => undefined,
    onTerminate: () => query('SELECT terminate'),
  };
  @WSSHandler({ path: '/rooms/:room', ...options })
  class Server {
    @UseGuards({ canActivate: (executed: ExecutionContext) => guard?.(executed) ?? true })
    async onConnection() {
      await query('SELECT user');
      return onConnection === undefined ? handler : ((await onConnection()) as object);
    }
    onError() {}
  }
  return startApp({ ...app, providers: [Server] });
}

describe('18.2 spans', () => {
  it('of a handshake: below who sent the request, above what decides; of hooks: roots, linked to it, above what they do', async () => {
    instrument();
    const { wsUrl } = await serve();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const client = await connect(`${wsUrl}/rooms/7?token=secret`, { headers: { traceparent } });
    client.send('SELECT one');
    client.send('SELECT two');
    expect(await client.next()).toBe('SELECT one');
    expect(await client.next()).toBe('SELECT two');
    client.socket.close();
    const [handshake] = await spans('GET /rooms/:room');
    const [user] = await spans('SELECT user');
    const [terminate] = await spans('onTerminate /rooms/:room');
    const [open] = named('onOpen /rooms/:room');
    const messages = named('onMessage /rooms/:room');
    expect(handshake).toMatchObject({
      kind: SpanKind.SERVER,
      parentSpanContext: { spanId: 'b7ad6b7169203331' },
      attributes: {
        'http.request.method': 'GET',
        'http.route': '/rooms/:room',
        'url.path': '/rooms/7',
        'url.scheme': 'http',
        'http.response.status_code': 101,
        'websocket.handshake.outcome': 'accepted',
        'client.address': '127.0.0.1',
      },
      status: { code: SpanStatusCode.UNSET },
    });
    expect(handshake!.spanContext().traceId).toBe('0af7651916cd43dd8448eb211c80319c');
    expect(user!.parentSpanContext!.spanId).toBe(idOf(handshake!));
    const roots = [open!, ...messages, terminate!];
    expect(messages).toHaveLength(2);
    expect(new Set(roots.map((span) => span.spanContext().traceId)).size).toBe(4);
    for (const root of roots) {
      expect(root.parentSpanContext).toBeUndefined();
      expect(root.links).toEqual([{ context: handshake!.spanContext() }]);
      expect(root.attributes).toMatchObject({
        'websocket.server.path': '/rooms/:room',
        'websocket.connection.id': handshake!.attributes['websocket.connection.id'],
      });
    }
    for (const [root, text] of [
      [open, 'SELECT open'],
      [messages[0], 'SELECT one'],
      [messages[1], 'SELECT two'],
      [terminate, 'SELECT terminate'],
    ] as const) {
      const [call] = named(text);
      expect(call!.parentSpanContext!.spanId).toBe(idOf(root!));
    }
    expect(messages[0]!.kind).toBe(SpanKind.SERVER);
    expect(JSON.stringify(finished().map(({ attributes }) => attributes))).not.toContain('secret');
  });

  it('a span of an HTTP instrumentation that is active is the parent, whatever the headers say', async () => {
    instrument();
    const { wsUrl, app } = await serve();
    const server = app.getHttpServer() as import('node:http').Server;
    const outer = trace.getTracer('http').startSpan('outer', {}, ROOT_CONTEXT);
    const emit = server.emit.bind(server) as (...args: unknown[]) => boolean;
    server.emit = ((...args: unknown[]) =>
      args[0] === 'upgrade'
        ? context.with(trace.setSpan(context.active(), outer), () => emit(...args))
        : emit(...args)) as typeof server.emit;
    await connect(`${wsUrl}/rooms/7`, {
      headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
    });
    const [handshake] = await spans('GET /rooms/:room');
    expect(handshake!.parentSpanContext!.spanId).toBe(outer.spanContext().spanId);
  });

  it('a message that waits behind a slow one has a span of its own, from when its turn comes', async () => {
    instrument();
    const gate = deferred<void>();
    const { wsUrl } = await serve({
      onMessage: async (_ws, { data }) => {
        if (data === 'slow') await gate.promise;
        return query(data);
      },
    });
    const client = await connect(`${wsUrl}/rooms/7`);
    client.send('slow');
    client.send('next');
    await client.sent('last');
    await new Promise((resolve) => setTimeout(resolve, 30));
    gate.resolve();
    const messages = await spans('onMessage /rooms/:room', 3);
    const begin = ({ startTime: [seconds, nanoseconds] }: ReadableSpan) => seconds * 1e3 + nanoseconds / 1e6;
    expect(begin(messages[1]!) - begin(messages[0]!)).toBeGreaterThan(20);
    expect(new Set(messages.map((span) => span.spanContext().traceId)).size).toBe(3);
    for (const [index, text] of ['slow', 'next', 'last'].entries())
      expect(named(text)[0]!.parentSpanContext!.spanId).toBe(idOf(messages[index]!));
  });

  it.each([
    [
      'refused by a guard',
      {
        guard: () => {
          throw new UnauthorizedException('No token');
        },
      },
      401,
      'refused',
      SpanStatusCode.UNSET,
    ],
    [
      'failed',
      {
        onConnection: () => {
          throw new Error('The database is away');
        },
      },
      500,
      'failed',
      SpanStatusCode.ERROR,
    ],
  ] satisfies [string, Serve, number, string, SpanStatusCode][])(
    'of a handshake that is %s',
    async (_how, how, status, outcome, code) => {
      instrument();
      const { wsUrl } = await serve(how);
      expect((await connectRefused(`${wsUrl}/rooms/7`)).status).toBe(status);
      const [handshake] = await spans('GET /rooms/:room');
      expect(handshake!.attributes).toMatchObject({
        'http.response.status_code': status,
        'websocket.handshake.outcome': outcome,
      });
      expect(handshake!.status.code).toBe(code);
      if (outcome === 'failed')
        expect(handshake!.events[0]!.attributes!['exception.message']).toBe('The database is away');
    },
  );

  it('of a path that nobody serves; of a hook that fails', async () => {
    instrument();
    const { wsUrl } = await serve({
      onMessage: async (_ws, { data }) => {
        await query(data);
        throw new TypeError('thrown');
      },
    });
    await connectRefused(`${wsUrl}/nowhere/7`);
    const [unrouted] = await spans('GET');
    expect(unrouted!.attributes).toMatchObject({ 'http.response.status_code': 404 });
    expect(unrouted!.attributes).not.toHaveProperty('http.route');
    const client = await connect(`${wsUrl}/rooms/7`);
    client.send('SELECT 1');
    const [message] = await spans('onMessage /rooms/:room');
    expect(message!.status).toEqual({ code: SpanStatusCode.ERROR, message: 'thrown' });
    expect(message!.events[0]!.attributes!['exception.type']).toBe('TypeError');
    expect(await spans('onError /rooms/:room')).toHaveLength(1);
  });

  it('the context is that of streams, interceptors and request-scoped handlers, too; other storages keep their own', async () => {
    instrument();
    const own = new AsyncLocalStorage<string>();
    @Injectable({ scope: Scope.REQUEST })
    class Repository {
      find = (text: string) => query(text);
    }
    @ConnectionHandler()
    class Handler {
      constructor(private readonly repository: Repository) {}
      @UseInterceptors({
        intercept: (_context, next) => from(query('SELECT before')).pipe(concatMap(() => next.handle())),
      })
      onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
        return own.run(data, async () => {
          await this.repository.find('SELECT a');
          const user = own.getStore();
          return of('SELECT b', 'SELECT c').pipe(
            concatMap((text) => this.repository.find(text)),
            map((text) => `${text} ${user}`),
          );
        });
      }
    }
    @WSSHandler('/scoped')
    class Server {
      onConnection = () => Handler;
    }
    const { wsUrl } = await startApp({ providers: [Server, Handler, Repository] });
    const client = await connect(`${wsUrl}/scoped`);
    client.send('ann');
    expect([await client.next(), await client.next()]).toEqual(['SELECT b ann', 'SELECT c ann']);
    const [message] = await spans('onMessage /scoped');
    for (const text of ['SELECT before', 'SELECT a', 'SELECT b', 'SELECT c'])
      expect((await spans(text))[0]!.parentSpanContext!.spanId).toBe(idOf(message!));
  });

  it('of the members of a contract, by their names', async () => {
    instrument();
    const contract = defineContract({
      receives: { say: v.string() },
      calls: { find: { request: v.string(), response: v.string() } },
    });
    @ConnectionHandler({ path: '/desk', contract, dataType: 'object' })
    class Desk implements HandlerOf<typeof contract> {
      say(_ws: unknown, text: string) {
        return void query(text);
      }
      find(_ws: unknown, text: string) {
        if (text === 'nothing') throw new Error('not found');
        return query(text);
      }
    }
    const { wsUrl } = await startApp({ providers: [Desk] });
    const client = new FourDWebSocket(wsUrl + '/desk', {}, { contract });
    stops.push(() => client.terminate());
    client.send(contract.say('SELECT said'));
    expect(await client.call(contract.find('SELECT found'))).toBe('SELECT found');
    await client.call(contract.find('nothing')).catch(() => undefined);
    const [found, missing] = await spans('find /desk', 2);
    const [said] = await spans('say /desk');
    expect(said!.attributes).toMatchObject({ 'rpc.system': 'jsonrpc', 'rpc.method': 'say' });
    expect(named('SELECT said')[0]!.parentSpanContext!.spanId).toBe(idOf(said!));
    expect(named('SELECT found')[0]!.parentSpanContext!.spanId).toBe(idOf(found!));
    expect(found!.links).toHaveLength(1);
    expect(missing!.status.code).toBe(SpanStatusCode.ERROR);
  });

  it.each<[string, ServerOptions, Omit<TestAppOptions, 'providers'>]>([
    ['compression', { perMessageDeflate: { threshold: 0 } }, {}],
    ['Fastify', {}, { platform: 'fastify' }],
  ])('with %s', async (_name, options, app) => {
    instrument();
    const { wsUrl } = await serve({ options, app });
    const client = await connect(`${wsUrl}/rooms/7`, { perMessageDeflate: true });
    client.send('SELECT 1');
    client.send('SELECT 2');
    await client.next();
    await client.next();
    const [one, two] = await spans('onMessage /rooms/:room', 2);
    expect(one!.spanContext().traceId).not.toBe(two!.spanContext().traceId);
    expect(named('SELECT 2')[0]!.parentSpanContext!.spanId).toBe(idOf(two!));
    expect(two!.links).toHaveLength(1);
  });

  it('handlerHook and handshakeHook add attributes, ignoreHandlerHook leaves out; what these throw is told once', async () => {
    const told: unknown[][] = [];
    const tell = (...args: unknown[]) => void told.push(args);
    diag.setLogger({ error: tell, warn: tell, info() {}, debug() {}, verbose() {} }, DiagLogLevel.ERROR);
    stops.push(() => diag.disable());
    instrument({
      handshakeHook: (span, { request }) => span.setAttribute('tenant', String(request.headers['x-tenant'])),
      handlerHook: (span, { data }) => {
        if (data === 'SELECT 2') throw new Error('hook');
        span.setAttribute('text', String(data));
      },
      ignoreHandlerHook: ({ data }) => data === 'tick',
    });
    const { wsUrl } = await serve();
    const client = await connect(`${wsUrl}/rooms/7`, { headers: { 'X-Tenant': 'acme' } });
    for (const text of ['SELECT 1', 'tick', 'SELECT 2', 'SELECT 2']) client.send(text);
    for (let index = 0; index < 4; index++) await client.next();
    const messages = await spans('onMessage /rooms/:room', 3);
    expect(messages.map(({ attributes }) => attributes.text)).toEqual(['SELECT 1', undefined, undefined]);
    expect(named('GET /rooms/:room')[0]!.attributes.tenant).toBe('acme');
    expect(named('tick')[0]!.parentSpanContext).toBeUndefined();
    expect(told).toHaveLength(1);
  });

  it('an exporter, or a processor, that throws: connections live', async () => {
    const throwing = new BasicTracerProvider({
      spanProcessors: [
        {
          onStart() {
            throw new Error('start');
          },
          onEnd() {
            throw new Error('end');
          },
          forceFlush: async () => {},
          shutdown: async () => {},
        },
      ],
    });
    diag.setLogger({ error() {}, warn() {}, info() {}, debug() {}, verbose() {} });
    stops.push(() => diag.disable());
    const instrumentation = instrument();
    instrumentation.setTracerProvider(throwing);
    const { wsUrl } = await serve();
    const client = await connect(`${wsUrl}/rooms/7`);
    client.send('SELECT 1');
    expect(await client.next()).toBe('SELECT 1');
  });

  it('begins before the application or after, ends, and begins again', async () => {
    const { wsUrl } = await serve();
    const client = await connect(`${wsUrl}/rooms/7`);
    const echo = async (text: string) => {
      client.send(text);
      await client.next();
    };
    await echo('none');
    expect(named('onMessage /rooms/:room')).toEqual([]);
    const instrumentation = new WebSocketInstrumentation({ enabled: false });
    stops.push(registerInstrumentations({ instrumentations: [instrumentation], tracerProvider }));
    await echo('one');
    const [late] = await spans('onMessage /rooms/:room');
    expect(late!.links).toEqual([]);
    instrumentation.disable();
    await echo('none');
    instrumentation.enable();
    instrumentation.enable();
    await echo('two');
    expect(await spans('onMessage /rooms/:room', 2)).toHaveLength(2);
  });

  it('bad options are told at once; the version is that of the package', () => {
    expect(() => new WebSocketInstrumentation({ requestHook: () => 1 } as never)).toThrow(
      'WebSocketInstrumentation: the option "requestHook" must be',
    );
    expect(() => new WebSocketInstrumentation({ handlerHook: 1 } as never)).toThrow(
      'the option "handlerHook" must be a function, got 1',
    );
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(new WebSocketInstrumentation({ enabled: false }).instrumentationVersion).toBe(version);
  });
});

it('nestjs-cls and spans are each in their own place, in a program that is instrumented first', async () => {
  const program = await FixtureProcess.start('test/e2e/fixture/traced.ts');
  const client = await connect(program.url);
  for (const user of ['ann', 'bob']) client.send(user);
  for (const user of ['ann', 'bob'])
    expect(JSON.parse((await client.next()).toString())).toEqual({ user, isBelow: true });
  client.socket.close();
  await program.stop();
});

describe('18.2 metrics', () => {
  it('of connections, handshakes, messages, closes, errors and hooks', async () => {
    const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 1e6 });
    const meterProvider = new MeterProvider({ readers: [reader] });
    metrics.disable();
    const instrumentation = new WebSocketInstrumentation();
    stops.push(
      registerInstrumentations({ instrumentations: [instrumentation], meterProvider, tracerProvider }),
    );
    const { wsUrl, app } = await serve({
      onMessage: (_ws, { data }) => {
        if (data === 'throw') throw new Error('thrown');
        return data;
      },
    });
    const server = app.get(WebSocketServerRegistry).get('/rooms/:room')!;
    const [stays, leaves] = [await connect(`${wsUrl}/rooms/1`), await connect(`${wsUrl}/rooms/2`)];
    stays.send('hello');
    await stays.next();
    stays.send('throw');
    for (let code = 3001; code < 3200; code++) {
      const client = await connect(`${wsUrl}/rooms/1`);
      client.socket.close(code);
      await client.closed;
    }
    leaves.socket.close(1000);
    while (server.connections.length > 1) await new Promise(setImmediate);
    await reader.forceFlush();
    const points = new Map(
      metricExporter
        .getMetrics()
        .at(-1)!
        .scopeMetrics.flatMap(({ metrics: all }) => all)
        .map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints]),
    );
    const valueOf = (name: string, attributes: object) =>
      points.get(name)?.find((point) => expect.objectContaining(attributes).asymmetricMatch(point.attributes))
        ?.value;
    expect(valueOf('websocket.server.connections', { 'websocket.server.path': '/rooms/:room' })).toBe(1);
    expect(valueOf('websocket.server.messages', { 'network.io.direction': 'receive' })).toBe(2);
    expect(valueOf('websocket.server.messages', { 'network.io.direction': 'transmit' })).toBe(1);
    expect(valueOf('websocket.server.io', { 'network.io.direction': 'receive' })).toBe(10);
    expect(
      valueOf('websocket.server.handshake.duration', { 'websocket.handshake.outcome': 'accepted' }),
    ).toMatchObject({ count: 201 });
    expect(valueOf('websocket.server.connection.duration', { 'websocket.close.code': '1000' })).toMatchObject(
      { count: 1 },
    );
    expect(valueOf('websocket.server.errors', { 'websocket.component': 'user', 'error.type': '1011' })).toBe(
      1,
    );
    expect(valueOf('websocket.server.hook.duration', { 'websocket.hook': 'onMessage' })).toMatchObject({
      count: 2,
    });
    const codes = new Set(
      points
        .get('websocket.server.connection.duration')!
        .map(({ attributes }) => attributes['websocket.close.code']),
    );
    expect(codes.size).toBeLessThan(80);
    expect(codes).toContain('other');
    await meterProvider.shutdown();
  });
});
