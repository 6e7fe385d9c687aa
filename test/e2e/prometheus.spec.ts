/** The metrics for Prometheus (reference 18.2), and the dashboard and alerts that are made of them. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ForbiddenException,
  Injectable,
  Module,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  type LoggerService,
} from '@nestjs/common';
import {
  WebSocketServerRegistry,
  WSSHandler,
  type ServerOptions,
  type WebSocketConnection,
  type WSConnectionEvent,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { MetricExistsError, WebSocketMetricsModule } from 'nestjs-4d-websocket/prometheus';
import { map } from 'rxjs';
import { Counter, register, Registry } from 'prom-client';
import { closeApps, createApp, startApp, type TestAppOptions } from '../support/app.js';
import { connect, connectRefused } from '../support/client.js';
import { freePort } from '../support/free-port.js';
import { MemoryBroker } from '../support/memory-backplane.js';
import { run, TestProcess } from '../support/process.js';
import { Random } from '../support/random.js';
import { clientFrame, connectRaw } from '../support/raw-client.js';
import { describeWith } from '../support/requirement.js';

afterEach(closeApps);

const nextTurn = () => new Promise(setImmediate);

/** A server that lets in, refuses and fails as the query says, and answers, publishes and throws as messages say. */
function busyServer(options: ServerOptions = {}) {
  @Injectable()
  class Guard implements CanActivate {
    canActivate(context: ExecutionContext) {
      const { url } = context.switchToHttp().getRequest<{ url: string }>();
      if (url.endsWith('?fails')) throw new Error('The database is away');
      if (url.endsWith('?refused')) throw new ForbiddenException();
      return true;
    }
  }
  const handler = {
    onOpen: (ws: WebSocketConnection) => void ws.subscribe('news'),
    onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
      if (data === 'throw') throw new Error('thrown');
      if (data === 'publish') return void ws.wss.publish('news', 'published');
      return data.startsWith('echo') ? data : undefined;
    },
    onError: () => undefined,
  };
  @WSSHandler({ path: '/rooms/:room', ...options })
  class Server {
    @UseGuards(Guard)
    onConnection(_wss: unknown, { request: _request }: WSConnectionEvent) {
      return handler;
    }
    onError() {}
  }
  return [Server, Guard] as const;
}

async function serve(
  options: ServerOptions = {},
  metrics: Parameters<typeof WebSocketMetricsModule.forRoot>[0] = {},
  app: TestAppOptions = {},
) {
  const [Server, Guard] = busyServer(options);
  const testApp = await startApp({
    ...app,
    imports: [WebSocketMetricsModule.forRoot(metrics)],
    providers: [Server, Guard],
  });
  const scrape = async () => parse(await (await fetch(`${testApp.url}/metrics`)).text());
  return { ...testApp, Server, scrape, server: testApp.app.get(WebSocketServerRegistry).get(Server)! };
}

type Samples = Map<string, number>;

/** The samples of a text in Prometheus's format, by name and labels. */
function parse(text: string): Samples {
  const samples: Samples = new Map();
  for (const line of text.split('\n')) {
    const found = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (found) samples.set(`${found[1]!}{${found[2] ?? ''}}`, Number(found[3]));
  }
  return samples;
}

const valueOf = (samples: Samples, name: string, labels: string) =>
  samples.get(`websocket_server_${name}{server="/rooms/:room"${labels && `,${labels}`}}`);

describe('18.2 Prometheus', () => {
  it.each<[string, ServerOptions, object]>([
    ['plain', {}, {}],
    ['compressed', { perMessageDeflate: { threshold: 0 } }, { perMessageDeflate: true }],
    ['the sub-protocol', {}, { protocols: ['nestjs-4d-websocket.v1'] }],
  ])("counts are those of the clients' own (%s)", async (name, options, clientOptions) => {
    const { wsUrl, scrape, server } = await serve(options);
    const random = new Random(7);
    const isFramed = name === 'the sub-protocol';
    const payloadOf = (data: string | Buffer) => {
      const text = data.toString();
      const end = isFramed ? text.indexOf('\n') : -1;
      return { isMessage: end <= 0, bytes: data.length - end - 1 };
    };
    const own = { handshakes: 0, received: 0, receivedBytes: 0, sent: 0, sentBytes: 0, errors: 0 };
    const closes: Record<number, number> = {};
    for (let round = 0; round < 12; round++) {
      for (const query of ['?fails', '?refused'].slice(0, random.below(3)))
        await (isFramed
          ? connect(`${wsUrl}/rooms/1${query}`, clientOptions).then(({ closed }) => closed)
          : connectRefused(`${wsUrl}/rooms/1${query}`, clientOptions));
      const clients = await Promise.all(
        Array.from({ length: 1 + random.below(4) }, (_, index) =>
          connect(`${wsUrl}/rooms/${index}?token=${round}`, clientOptions),
        ),
      );
      own.handshakes += clients.length;
      if (isFramed) for (const client of clients) client.send('["positions",[],[]]\n');
      while (server.connections.length < clients.length || server.topics.get('news').length < clients.length)
        await nextTurn();
      for (const client of clients) {
        for (let index = random.below(8); index > 0; index--) {
          const message = ['echo', 'echo of more than a little', 'throw', 'publish', 'nothing'][
            random.below(5)
          ]!;
          client.send(isFramed ? `\n${message}` : message);
          own.sent++;
          own.sentBytes += message.length;
          if (message === 'throw') own.errors++;
        }
        client.send(isFramed ? '\necho last' : 'echo last');
        own.sent++;
        own.sentBytes += 'echo last'.length;
      }
      const lasts = clients.map(async (client) => {
        for (;;) {
          const data = (await client.next()).toString();
          const { isMessage, bytes } = payloadOf(data);
          if (!isMessage) continue;
          own.received++;
          own.receivedBytes += bytes;
          if (data.endsWith('echo last')) return;
        }
      });
      await Promise.all(lasts);
      server.broadcast('to all');
      for (const client of clients) {
        const code = [1000, 3001, 4999][random.below(3)]!;
        for (let data = ''; !data.endsWith('to all');) {
          data = (await client.next()).toString();
          const { isMessage, bytes } = payloadOf(data);
          if (!isMessage) continue;
          own.received++;
          own.receivedBytes += bytes;
        }
        closes[code] = (closes[code] ?? 0) + 1;
        client.socket.close(code);
        await client.closed;
      }
      while (server.connections.length > 0) await nextTurn();
    }
    const samples = await scrape();
    const read = (metric: string, labels: string) => valueOf(samples, metric, labels);
    expect(read('handshakes_total', 'outcome="accepted"')).toBe(own.handshakes);
    expect(read('messages_total', 'direction="received"')).toBe(own.sent);
    expect(read('bytes_total', 'direction="received"')).toBe(own.sentBytes);
    expect(read('messages_total', 'direction="sent"')).toBe(own.received);
    expect(read('bytes_total', 'direction="sent"')).toBe(own.receivedBytes);
    for (const [code, count] of Object.entries(closes))
      expect(read('closes_total', `code="${code}"`)).toBe(count);
    expect(read('errors_total', 'code="1011",component="user"')).toBeGreaterThanOrEqual(own.errors);
    expect(read('connections', '')).toBe(0);
    expect(read('connection_duration_seconds_count', '')).toBe(own.handshakes);
    expect(read('hook_duration_seconds_count', 'hook="onMessage"')).toBe(own.sent);
    expect(read('handshakes_total', 'outcome="failed"')).toBeGreaterThan(0);
    expect(read('handshakes_total', 'outcome="refused"')).toBeGreaterThan(0);
  });

  it('has a series of what will be counted, before it is; and of a path that nobody serves', async () => {
    const { scrape, wsUrl } = await serve();
    const samples = await scrape();
    for (const outcome of ['accepted', 'refused', 'failed', 'rejected'])
      expect(valueOf(samples, 'handshakes_total', `outcome="${outcome}"`)).toBe(0);
    expect(valueOf(samples, 'closes_total', 'code="1006"')).toBe(0);
    expect(valueOf(samples, 'messages_total', 'direction="sent"')).toBe(0);
    expect(valueOf(samples, 'connections', '')).toBe(0);
    expect(valueOf(samples, 'backplane_up', '')).toBeUndefined();
    await connectRefused(`${wsUrl}/nowhere?token=secret`);
    const after = await scrape();
    expect(after.get('websocket_server_handshakes_total{server="",outcome="rejected"}')).toBe(1);
  });

  it('has no label value of what a client chooses: codes, paths and servers are bounded', async () => {
    const { app, wsUrl, scrape, port } = await serve();
    for (let code = 3001; code < 3300; code += 2) {
      const client = await connect(`${wsUrl}/rooms/${code}?id=${code}`);
      client.socket.close(code);
      await client.closed;
    }
    for (const code of [0, 999, 1004, 1016, 65535]) {
      const raw = await connectRaw(port, '/rooms/1');
      const payload = Buffer.alloc(2);
      payload.writeUInt16BE(code);
      raw.write(clientFrame(8, payload));
      await raw.closed;
    }
    const registry = app.get(WebSocketServerRegistry);
    for (let index = 0; index < 300; index++) {
      const server = registry.create({ onConnection: () => null }, { path: `/made/${index}` });
      await connectRefused(`${wsUrl}/made/${index}`);
      await server.terminate();
    }
    const samples = await scrape();
    const values = (label: string) =>
      new Set(Array.from(samples.keys(), (key) => new RegExp(`[{,]${label}="([^"]*)"`).exec(key)?.[1]));
    expect(values('code').size).toBeLessThan(120);
    expect(values('code')).toContain('other');
    expect(values('server').size).toBeLessThan(110);
    expect(values('server')).toContain('other');
    expect([...samples.keys()].join('\n')).not.toMatch(/\?id|\/rooms\/\d/);
  });

  it("a registry of the application's: served with its other metrics; a name that is taken stops the start", async () => {
    const registry = new Registry();
    registry.registerMetric(new Counter({ name: 'orders_total', help: 'Orders', registers: [] }));
    const first = await serve({}, { registry });
    expect((await first.scrape()).get('orders_total{}')).toBe(0);
    const [Server, Guard] = busyServer();
    const second = await createApp({
      imports: [WebSocketMetricsModule.forRoot({ registry, path: false })],
      providers: [Server, Guard],
    });
    const failure = await second.init().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(MetricExistsError);
    expect((failure as Error).message).toMatch(
      /^WebSocketMetricsModule: the registry has a metric "websocket_server_connections"/,
    );
    await first.close();
    expect(registry.getMetricsAsArray().map(({ name }) => name)).toEqual(['orders_total']);
    const third = await serve({}, { registry });
    expect(valueOf(await third.scrape(), 'connections', '')).toBe(0);
  });

  it('docs/operations/metrics.md has all of them, and no other', async () => {
    const registry = new Registry();
    await serve({}, { registry });
    const text = await readFile('docs/operations/metrics.md', 'utf8');
    const documented = Array.from(text.matchAll(/^\| `(websocket_server_\w+)`/gm), ([, name]) => name);
    expect(documented.sort()).toEqual(
      registry
        .getMetricsAsArray()
        .map(({ name }) => name)
        .sort(),
    );
  });

  it('two applications in a process count their own', async () => {
    const [one, two] = [await serve(), await serve()];
    const client = await connect(`${one.wsUrl}/rooms/1`);
    client.send('echo');
    await client.next();
    const ofOne = await one.scrape();
    const ofTwo = await two.scrape();
    expect(valueOf(ofOne, 'messages_total', 'direction="received"')).toBe(1);
    expect(valueOf(ofOne, 'connections', '')).toBe(1);
    expect(valueOf(ofTwo, 'messages_total', 'direction="received"')).toBe(0);
    expect(valueOf(ofTwo, 'connections', '')).toBe(0);
  });

  it.each<[string, TestAppOptions, string]>([
    ['Express', {}, '/metrics'],
    ['Fastify', { platform: 'fastify' }, '/metrics'],
    ['a global prefix', { configure: (app) => void app.setGlobalPrefix('api') }, '/api/metrics'],
    [
      'versioning, and an interceptor that wraps answers',
      {
        configure(app) {
          app.enableVersioning({ defaultVersion: '1', type: 0 });
          app.useGlobalInterceptors({
            intercept: (_context, next) => next.handle().pipe(map((data) => ({ data }))),
          });
        },
      },
      '/metrics',
    ],
  ])('is served by the application: %s', async (_name, options, path) => {
    const { url } = await serve({}, {}, options);
    const response = await fetch(`${url}${path}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain;.* version=0\.0\.4/);
    expect(await response.text()).toContain('# TYPE websocket_server_connections gauge');
  });

  it("the application's guards keep it from strangers; path: false serves nothing; options come from a factory", async () => {
    const guarded = await serve(
      {},
      { path: '/internal/metrics' },
      {
        configure: (app) => void app.useGlobalGuards({ canActivate: () => false }),
      },
    );
    expect((await fetch(`${guarded.url}/internal/metrics`)).status).toBe(403);
    const none = await serve({}, { path: false });
    expect((await fetch(`${none.url}/metrics`)).status).toBe(404);
    const registry = new Registry();
    @Module({
      imports: [
        WebSocketMetricsModule.forRootAsync({ path: '/m', useFactory: () => ({ registry, hooks: false }) }),
      ],
    })
    class Metrics {}
    const { url } = await startApp({ imports: [Metrics], providers: [...busyServer()] });
    expect(await (await fetch(`${url}/m`)).text()).toBe(await registry.metrics());
    expect(await registry.metrics()).toContain('websocket_server_connections');
  });

  it('bad options are told at once', async () => {
    expect(() => WebSocketMetricsModule.forRoot({ path: '' })).toThrow(
      `WebSocketMetricsModule: the option "path" must be a path, such as '/metrics', or false, got ''`,
    );
    for (const [options, text] of [
      [{ registry: {} }, 'the option "registry" must be a Registry of prom-client, got {}'],
      [{ hooks: 1 }, 'the option "hooks" must be a boolean, got 1'],
      [{ registy: register }, 'the option "registy" must be "registry"'],
    ] as const) {
      const app = createApp({ imports: [WebSocketMetricsModule.forRoot(options as never)] });
      await expect(app.then((made) => made.init())).rejects.toThrow(text);
    }
  });

  it('a metric that throws is logged once, and connections live', async () => {
    const registry = new Registry();
    const logged: unknown[] = [];
    const log = (message: unknown) => void logged.push(message);
    const logger: LoggerService = { log: () => {}, warn: () => {}, error: log };
    const { wsUrl } = await serve({}, { registry }, { logger });
    const closes = registry.getSingleMetric('websocket_server_closes_total') as Counter;
    closes.inc = () => {
      throw new Error('out of order');
    };
    for (let index = 0; index < 3; index++) {
      const client = await connect(`${wsUrl}/rooms/1`);
      client.send('echo');
      expect(await client.next()).toBe('echo');
      client.socket.close();
      await client.closed;
    }
    expect(logged).toEqual(['Something is not counted']);
  });
});

const PROMETHEUS = '/usr/bin/prometheus';

/** Every metric and label of a query, from the dashboard or a rule. */
async function queries(): Promise<[name: string, query: string][]> {
  const dashboard = JSON.parse(await readFile('docs/operations/grafana-dashboard.json', 'utf8')) as {
    panels: { title: string; targets?: { expr: string }[] }[];
  };
  const panels = dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => {
      const query = expr.replaceAll('$instance', '.*').replaceAll('$server', '.*');
      return [title, query.replaceAll('$__rate_interval', '20s')] as [string, string];
    }),
  );
  const rules = await readFile('docs/operations/alert-rules.yml', 'utf8');
  const { parse: parseYaml } = await import('yaml');
  const { groups } = parseYaml(rules) as { groups: { rules: { alert: string; expr: string }[] }[] };
  const alerts = groups.flatMap(({ rules: all }) =>
    // What a rule compares exists, whether it is true now or not.
    all.flatMap(({ alert, expr }) =>
      expr
        .split(/[<>=]=?\s*(?:[\d.*\s]+(?=sum)|[\d.*\s]+$|0$)|\sand\s/)
        .filter((part) => part.includes('websocket_'))
        .map(
          (part) =>
            [alert, part.replace(/[<>]=? *[\d.* ]+$|== 0\s*$/, '').replaceAll(/\[\d+m\]/g, '[20s]')] as [
              string,
              string,
            ],
        ),
    ),
  );
  return [...panels, ...alerts];
}

describeWith('Prometheus', PROMETHEUS, '18.2 the dashboard and the alerts', () => {
  it('promtool finds nothing wrong with the metrics and the rules', async () => {
    const { url, wsUrl } = await serve();
    await connect(`${wsUrl}/rooms/1`);
    const folder = await mkdtemp(join(tmpdir(), 'metrics-'));
    await writeFile(join(folder, 'metrics'), await (await fetch(`${url}/metrics`)).text());
    await run('sh', ['-c', `promtool check metrics < ${join(folder, 'metrics')}`]);
    await run('promtool', ['check', 'rules', 'docs/operations/alert-rules.yml']);
    await rm(folder, { recursive: true });
  });

  it('every query finds its metric in a Prometheus that scrapes a busy server', async () => {
    const broker = new MemoryBroker();
    const { wsUrl, port } = await serve(
      { history: { topics: 'news' }, messageRate: { limit: 5, window: 1000, exceeded: 'drop' } },
      {},
      { options: { backplane: broker.create() } },
    );
    const folder = await mkdtemp(join(tmpdir(), 'prometheus-'));
    const listen = await freePort();
    await writeFile(
      join(folder, 'prometheus.yml'),
      `scrape_configs: [{ job_name: test, scrape_interval: 1s, static_configs: [{ targets: ['127.0.0.1:${port}'] }] }]\n`,
    );
    const prometheus = new TestProcess(PROMETHEUS, [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${listen}`,
    ]);
    const busy = setInterval(() => {
      void (async () => {
        await connectRefused(`${wsUrl}/rooms/1?fails`);
        const client = await connect(`${wsUrl}/rooms/1`);
        for (const message of ['echo', 'throw', 'publish', 'echo', 'echo', 'echo', 'echo'])
          client.send(message);
        await client.next();
        client.transport.destroy();
      })().catch(() => undefined);
    }, 100);
    try {
      await prometheus.line(/Server is ready to receive/);
      const ask = async (query: string) => {
        const response = await fetch(
          `http://127.0.0.1:${listen}/api/v1/query?query=${encodeURIComponent(query)}`,
        );
        const { status, error, data } = (await response.json()) as {
          status: string;
          error?: string;
          data?: { result: { value: [number, string] }[] };
        };
        if (status !== 'success') throw new Error(`${query}: ${error}`);
        return data!.result.length;
      };
      const all = await queries();
      expect(all.length).toBeGreaterThan(30);
      const empty = new Map(all.map(([name, query]) => [query, name]));
      const until = performance.now() + 40_000;
      while (empty.size > 0 && performance.now() < until) {
        for (const query of empty.keys()) if ((await ask(query)) > 0) empty.delete(query);
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
      expect([...empty]).toEqual([]);
    } finally {
      clearInterval(busy);
      await prometheus.stop();
      await rm(folder, { recursive: true });
    }
  });
});
