/** The client in Nest (15.7): providers that are the handlers of clients, and what is around their messages. */
import {
  BadRequestException,
  Catch,
  createParamDecorator,
  ForbiddenException,
  Inject,
  Injectable,
  Module,
  ParseIntPipe,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type INestApplicationContext,
  type ModuleMetadata,
  type NestInterceptor,
  type OnModuleDestroy,
  type PipeTransform,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, APP_PIPE, NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { ConnectedSocket, MessageBody } from '@nestjs/websockets';
import {
  ConnectionHandler,
  InvalidHandlerError,
  InvalidOptionError,
  OnDisconnect,
  OnError,
  OnMessage,
  OnOpen,
  OnResume,
  OnTerminate,
  WebSocketClient,
  WebSocketClientModule,
  WebSocketClients,
  type WebSocketClientModuleOptions,
  type WebSocketConnection,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import {
  FourDWebSocket,
  type ClientDisconnectEvent,
  type ClientErrorEvent,
  type ClientMessageEvent,
  type ClientOpenEvent,
  type ClientResumeEvent,
  type ClientTerminateEvent,
} from 'nestjs-4d-websocket/client';
import { concat, finalize, interval, map, NEVER, of, tap, type Observable } from 'rxjs';
import { closeApps, startApp } from '../support/app.js';
import { deferred } from '../support/deferred.js';
import { PlainServer } from '../support/plain-server.js';
import { Recorder } from '../support/recorder.js';
import { ResumingServer } from '../support/resuming-server.js';

let server: PlainServer;
let log: Recorder;
const apps: INestApplicationContext[] = [];

beforeEach(async () => {
  server = await PlainServer.start();
  log = new Recorder();
});
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
  await closeApps();
  await server.kill();
});

const QUICK = { minDelay: 1, maxDelay: 5 };

/** Starts an application without HTTP whose clients' defaults are these. */
async function start(
  { imports = [], ...metadata }: ModuleMetadata,
  options: WebSocketClientModuleOptions = {},
): Promise<INestApplicationContext> {
  const testing = await Test.createTestingModule({
    ...metadata,
    imports: [WebSocketClientModule.forRoot({ url: server.url, reconnect: QUICK, ...options }), ...imports],
  }).compile();
  testing.useLogger(false);
  await testing.init();
  apps.push(testing);
  return testing;
}

/** Sends messages to the client that is connected, when it is. */
async function say(...messages: string[]): Promise<void> {
  await connected();
  for (const message of messages) for (const client of server.clients) client.send(message);
}

async function connected(): Promise<void> {
  while (server.clients.size === 0) await new Promise<void>((resolve) => setImmediate(resolve));
}

async function received(count: number): Promise<string[]> {
  await server.until(() => server.received.length >= count);
  return server.received;
}

async function startError(metadata: ModuleMetadata, options: WebSocketClientModuleOptions): Promise<Error> {
  const testing = await Test.createTestingModule({
    ...metadata,
    imports: [WebSocketClientModule.forRoot(options)],
  }).compile();
  testing.useLogger(false);
  try {
    await testing.init();
  } catch (error) {
    return error as Error;
  } finally {
    // Nest 11 fails to close what failed to start.
    await testing.close().catch(() => undefined);
  }
  throw new Error('the application started');
}

describe('a decorated provider', () => {
  it('connects when everything has started, talks to a server of this package, and has all hooks', async () => {
    @ConnectionHandler({ path: '/sum', dataType: 'object' })
    class SumHandler implements ConnectionHandler<number[]> {
      onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<number[]>) {
        return { sum: data.reduce((sum, value) => sum + value, 0) };
      }
    }
    const other = await startApp({ providers: [SumHandler] });

    @Injectable()
    class Slow {
      async onApplicationBootstrap() {
        await new Promise<void>((resolve) => setTimeout(resolve, 30));
        log.push('started');
      }
    }
    @WebSocketClient({ dataType: 'object' })
    class SumClient implements WebSocketClient<{ sum: number }> {
      constructor(readonly slow: Slow) {}
      onOpen(ws: FourDWebSocket, event: ClientOpenEvent) {
        log.push('open', event, ws.handler, this, this.slow);
        ws.send([1, 2, 3]);
      }
      onMessage(_ws: FourDWebSocket, { data }: ClientMessageEvent<{ sum: number }>) {
        log.push('message', data);
      }
      onTerminate(_ws: FourDWebSocket, event: ClientTerminateEvent) {
        log.push('terminate', event);
      }
    }
    const app = await start({ providers: [Slow, SumClient] }, { url: `${other.url}/sum` });
    const [event, handler, self, slow] = await log.next('open');
    expect(event).toEqual({ type: 'open', reconnected: false });
    expect(handler).toBe(self);
    expect(slow).toBeInstanceOf(Slow);
    expect(await log.next('message')).toEqual([{ sum: 6 }]);
    const ws = app.get(WebSocketClients).get(SumClient)!;
    expect(ws).toBeInstanceOf(FourDWebSocket);
    expect([...app.get(WebSocketClients)]).toEqual([ws]);
    ws.terminate(4000, 'enough');
    expect(await log.next('terminate')).toEqual([{ type: 'terminate', code: 4000, reason: 'enough' }]);
    expect(log.order).toEqual(['started', 'open', 'message', 'terminate']);
    // The hook is over at the end of this turn.
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect([...app.get(WebSocketClients)]).toEqual([]);
  });

  it('reconnects; its hooks may be marked', async () => {
    @WebSocketClient()
    class Marked {
      @OnOpen()
      opened(_ws: FourDWebSocket, { reconnected }: ClientOpenEvent) {
        log.push('open', reconnected);
      }
      @OnMessage()
      heard(_ws: FourDWebSocket, { data }: ClientMessageEvent<string>) {
        if (data === 'bad') throw new BadRequestException('too bad');
        return data.toUpperCase();
      }
      @OnError()
      failed(_ws: FourDWebSocket, { errors }: ClientErrorEvent) {
        log.push('error', errors[0]);
      }
      @OnDisconnect()
      lost(_ws: FourDWebSocket, { code }: ClientDisconnectEvent) {
        log.push('disconnect', code);
      }
      @OnTerminate()
      over() {
        log.push('terminate');
      }
    }
    const app = await start({ providers: [Marked] });
    expect(await log.next('open')).toEqual([false]);
    await say('hello', 'bad');
    expect(await received(1)).toEqual(['HELLO']);
    expect((await log.next('error'))[0]).toMatchObject({
      errCode: 400,
      message: 'too bad',
      componentSignature: 'user',
      response: { statusCode: 400, message: 'too bad' },
    });
    for (const client of server.clients) client.close(1001);
    expect(await log.next('disconnect')).toEqual([1001]);
    expect(await log.next('open')).toEqual([true]);
    await app.close();
    expect(log.order.at(-1)).toBe('terminate');
  });

  it('resumes; its hook may be marked, and its positions be stored where the module says', async () => {
    @WebSocketClient()
    class Marked {
      @OnMessage()
      heard(_ws: FourDWebSocket, { data }: ClientMessageEvent<string>) {
        log.push('message', data);
      }
      @OnResume()
      resumed(_ws: FourDWebSocket, { topics }: ClientResumeEvent) {
        log.push('resume', topics);
      }
    }
    @WebSocketClient({ resume: false })
    class Named {
      onResume(_ws: FourDWebSocket, { topics }: ClientResumeEvent) {
        log.push('named', topics);
      }
    }
    const resuming = await ResumingServer.start({ joined: (peer) => resuming.subscribe(peer, 'news') });
    const items = new Map<string, string>();
    const storage = {
      getItem: (key: string) => items.get(key) ?? null,
      setItem: (key: string, value: string) => void items.set(key, value),
    };
    try {
      const app = await start(
        { providers: [Marked] },
        { url: resuming.url, resume: { storage, key: 'mine' } },
      );
      await resuming.peer(1);
      resuming.publish('news', '1');
      expect(await log.next('message')).toEqual(['1']);
      resuming.cut();
      await resuming.until(() => resuming.peers.size === 0);
      resuming.publish('news', '2');
      expect(await log.next('message')).toEqual(['2']);
      expect(await log.next('resume')).toEqual([{ news: { recovered: true, lost: 0 } }]);
      await app.close();
      expect(JSON.parse(items.get('mine')!)).toEqual([
        'positions',
        [1, 2],
        [['news', expect.any(String), 2]],
      ]);

      const other = await start({ providers: [Named] }, { url: server.url });
      await connected();
      expect(server.requests.at(-1)!.headers).not.toHaveProperty('sec-websocket-protocol');
      const opened = await other.get(WebSocketClients).open(resuming.url, Named, { resume: true });
      await resuming.peer(3);
      resuming.forget('news');
      expect(await log.next('named')).toEqual([{ news: { recovered: false, lost: undefined } }]);
      opened.terminate();
    } finally {
      await resuming.kill();
    }
  });

  it('a kind of message goes to its own method', async () => {
    @WebSocketClient({ dataType: 'object', discriminator: 'type' })
    class Kinds {
      @OnMessage('price')
      price(_ws: FourDWebSocket, { data }: ClientMessageEvent<{ value: number }>) {
        return { price: data.value };
      }
      onError(_ws: FourDWebSocket, { errors: [error] }: ClientErrorEvent) {
        log.push('error', error.errCode, error.componentSignature);
      }
    }
    await start({ providers: [Kinds] });
    await say('{"type":"other"}', '{"type":"price","value":7}');
    expect(await received(1)).toEqual(['{"price":7}']);
    expect(await log.next('error')).toEqual([1007, 'json']);
  });

  it('may be provided by a factory or as a value', async () => {
    class Base {
      constructor(private readonly prefix: string) {}
      onMessage(_ws: FourDWebSocket, { data }: ClientMessageEvent<string>) {
        return this.prefix + data;
      }
    }
    @WebSocketClient()
    class Made extends Base {}
    @WebSocketClient()
    class Valued extends Base {}
    await start({
      providers: [
        { provide: Made, useFactory: () => new Made('factory:') },
        { provide: Valued, useValue: new Valued('value:') },
      ],
    });
    while (server.clients.size < 2) await new Promise<void>((resolve) => setImmediate(resolve));
    await say('x');
    expect([...(await received(2))].sort()).toEqual(['factory:x', 'value:x']);
  });
});

describe('where url and options come from', () => {
  @Injectable()
  class Config {
    get(name: string): string {
      return `${server.url}${name}`;
    }
  }
  @Module({ providers: [Config], exports: [Config] })
  class ConfigModule {}

  class Quiet {
    onOpen(ws: FourDWebSocket, _event: ClientOpenEvent) {
      log.push('open', ws.url, ws.protocol);
    }
  }
  const path = async () => new URL(String((await log.next('open'))[0])).pathname;

  it('a factory in the decorator, injected from the module of the client', async () => {
    const optional = { token: 'nobody', optional: true };
    @WebSocketClient({
      inject: [Config, optional],
      useFactory: async (config: Config, missing?: string) => ({
        url: config.get(missing ?? 'from-factory'),
      }),
    })
    class Client extends Quiet {}
    @Module({ imports: [ConfigModule], providers: [Client] })
    class FeatureModule {}
    await start({ imports: [FeatureModule] }, { url: undefined });
    expect(await path()).toBe('/from-factory');
  });

  it('a URL, and a function that is asked before each attempt', async () => {
    let attempts = 0;
    @WebSocketClient(() => `${server.url}attempt-${++attempts}`)
    class Client extends Quiet {}
    await start({ providers: [Client] }, { url: undefined });
    expect(await path()).toBe('/attempt-1');
    for (const client of server.clients) client.terminate();
    expect(await path()).toBe('/attempt-2');
  });

  it('headers of the handler itself, which may come from what it injects', async () => {
    @WebSocketClient()
    class Client extends Quiet {
      readonly headers: Record<string, string>;
      constructor(config: Config) {
        super();
        this.headers = { 'x-from': new URL(config.get('injected')).pathname };
      }
    }
    await start({ imports: [ConfigModule], providers: [Client] });
    await log.next('open');
    expect(server.requests[0]!.headers['x-from']).toBe('/injected');
  });

  @Injectable()
  class ClientConfig {
    create() {
      return { url: `${server.url}default` };
    }
  }
  @Module({ providers: [ClientConfig], exports: [ClientConfig] })
  class ClientConfigModule {}

  const ways = {
    useFactory: { useFactory: (config: Config) => ({ url: config.get('default') }), inject: [Config] },
    useClass: { useClass: ClientConfig },
    useExisting: { imports: [ClientConfigModule], useExisting: ClientConfig },
  };
  it.each(Object.entries(ways))('forRootAsync with %s', async (_name, way) => {
    @WebSocketClient()
    class Client extends Quiet {}
    @Module({
      imports: [WebSocketClientModule.forRootAsync({ imports: [ConfigModule], ...way })],
      providers: [Client],
    })
    class AppModule {}
    apps.push(await NestFactory.createApplicationContext(AppModule, { logger: false }));
    expect(await path()).toBe('/default');
  });

  it("the module's defaults, the decorator's options, then the module's for the one client", async () => {
    @WebSocketClient(`http://127.0.0.1:1/never`)
    class Client extends Quiet {}
    @WebSocketClient({ url: undefined })
    class Plain extends Quiet {}
    await start(
      { providers: [Client, Plain] },
      { url: `${server.url}default`, clients: { Client: { url: `${server.url}single` } } },
    );
    expect([await path(), await path()].sort()).toEqual(['/default', '/single']);
  });
});

describe('enhancers and parameters (11.2)', () => {
  const seen = (context: ExecutionContext) => [
    context.getType(),
    context.switchToWs().getClient<unknown>() instanceof FourDWebSocket,
    context.switchToWs().getData<unknown>(),
    context.getClass().name,
    context.getHandler().name,
  ];
  const guard = (name: string): CanActivate => ({
    canActivate(context) {
      log.push(`guard:${name}`, ...seen(context));
      return context.switchToWs().getData<string>() !== 'forbidden';
    },
  });
  const interceptor = (name: string): NestInterceptor => ({
    intercept(_context, next: CallHandler<string>) {
      log.push(`interceptor:${name}`);
      return next.handle().pipe(map((value) => `${value}<${name}`));
    },
  });
  const pipe = (name: string): PipeTransform => ({
    transform: (value: unknown, { type }) => (type === 'body' ? `${String(value)}>${name}` : value),
  });
  const From = createParamDecorator((data: string, context: ExecutionContext) =>
    [data, context.switchToWs().getClient<FourDWebSocket>().status].join(' '),
  );

  @Catch(ForbiddenException)
  class ForbiddenFilter implements ExceptionFilter {
    catch(_exception: ForbiddenException, host: ArgumentsHost) {
      host.switchToWs().getClient<FourDWebSocket>().send('filtered');
    }
  }

  it('global ones, those of the class and of the method, in the order of a gateway', async () => {
    @Injectable()
    class ClassGuard implements CanActivate {
      canActivate(context: ExecutionContext) {
        return guard('class').canActivate(context);
      }
    }
    @UseGuards(ClassGuard)
    @UseInterceptors(interceptor('class'))
    @UsePipes(pipe('class'))
    @UseFilters(ForbiddenFilter)
    @WebSocketClient()
    class Client {
      @UseGuards(guard('method'))
      @UseInterceptors(interceptor('method'))
      @UsePipes(pipe('method'))
      onMessage(
        @MessageBody() body: string,
        @ConnectedSocket() ws: FourDWebSocket,
        @From('is') from: string,
      ) {
        return `${body} ${from} ${ws === this.self() ? 'self' : 'other'}`;
      }
      @Inject(WebSocketClients) private readonly clients!: WebSocketClients;
      private self() {
        return this.clients.get(Client);
      }
    }
    await start({
      providers: [
        Client,
        { provide: APP_GUARD, useValue: guard('global') },
        { provide: APP_INTERCEPTOR, useValue: interceptor('global') },
        { provide: APP_PIPE, useValue: pipe('global') },
      ],
    });
    await say('hi', 'forbidden');
    expect(await received(2)).toEqual([
      'hi>global>class>method is Connected self<method<class<global',
      'filtered',
    ]);
    expect(log.order.slice(0, 6)).toEqual([
      'guard:global',
      'guard:class',
      'guard:method',
      'interceptor:global',
      'interceptor:class',
      'interceptor:method',
    ]);
    expect(log.unread('guard:class')[0]).toEqual(['ws', true, 'hi', 'Client', 'onMessage']);
  });

  it('a pipe of a parameter that fails goes to onError, and the client goes on', async () => {
    @WebSocketClient({ dataType: 'object' })
    class Client {
      onMessage(@MessageBody('count', ParseIntPipe) count: number) {
        return count + 1;
      }
      onError(_ws: FourDWebSocket, { errors: [error] }: ClientErrorEvent) {
        log.push('error', error.errCode);
      }
    }
    await start({ providers: [Client] });
    await say('{"count":"many"}', '{"count":"41"}');
    expect(await received(1)).toEqual(['42']);
    expect(await log.next('error')).toEqual([400]);
  });

  it('what is request-scoped lives as long as the client', async () => {
    let made = 0;
    @Injectable({ scope: Scope.REQUEST })
    class PerClient {
      readonly number = ++made;
    }
    @Injectable()
    class ScopedGuard implements CanActivate {
      constructor(private readonly own: PerClient) {}
      canActivate() {
        log.push('guard', this.own.number);
        return true;
      }
    }
    @UseGuards(ScopedGuard)
    @WebSocketClient()
    class Client {
      constructor(private readonly own: PerClient) {}
      onMessage() {
        return this.own.number;
      }
    }
    const app = await start({ providers: [PerClient, Client] });
    await say('a', 'b');
    expect(await received(2)).toEqual(['1', '1']);
    const second = await app.get(WebSocketClients).open(server.url, Client);
    while (server.clients.size < 2) await new Promise<void>((resolve) => setImmediate(resolve));
    [...server.clients].at(-1)!.send('c');
    expect(await received(3)).toEqual(['1', '1', '2']);
    expect([await log.next('guard'), await log.next('guard'), await log.next('guard')]).toEqual([
      [1],
      [1],
      [2],
    ]);
    second.terminate();
  });
});

describe('hooks never overlap, and what they return is sent back', () => {
  @Injectable()
  class Around implements NestInterceptor {
    intercept(_context: ExecutionContext, next: CallHandler) {
      return next.handle().pipe(tap((value) => log.push('after', value)));
    }
  }

  it.each([
    ['without an interceptor', () => undefined],
    ['behind an interceptor', UseInterceptors(Around)],
  ] as const)(
    '%s an async handler ends before the next message, and before onTerminate',
    async (_name, around) => {
      const gate = deferred<void>();
      class Client {
        async onMessage(_ws: FourDWebSocket, { data }: ClientMessageEvent<string>) {
          log.push(`begin ${data}`);
          if (data === '1') await gate.promise;
          log.push(`end ${data}`);
        }
        onTerminate() {
          log.push('terminate');
        }
      }
      Reflect.decorate(
        [around as MethodDecorator],
        Client.prototype,
        'onMessage',
        Object.getOwnPropertyDescriptor(Client.prototype, 'onMessage'),
      );
      WebSocketClient()(Client);
      const app = await start({ providers: [Client] });
      await say('1', '2');
      await log.next('begin 1');
      // The second one is there, and has to wait.
      await new Promise<void>((resolve) => setTimeout(resolve, 30));
      const closed = app.close();
      expect(log.order).toEqual(['begin 1']);
      gate.resolve();
      await closed;
      expect(log.order.filter((name) => name !== 'after')).toEqual([
        'begin 1',
        'end 1',
        'begin 2',
        'end 2',
        'terminate',
      ]);
    },
  );

  it('an interceptor that answers before the handler has ended does not let the next message in', async () => {
    const gate = deferred<void>();
    @UseInterceptors({
      intercept: (_context: ExecutionContext, next: CallHandler) => {
        next.handle().subscribe();
        return of('early');
      },
    })
    @WebSocketClient()
    class Client {
      async onMessage(_ws: FourDWebSocket, { data }: ClientMessageEvent<string>) {
        log.push(`begin ${data}`);
        if (data === '1') await gate.promise;
        log.push(`end ${data}`);
      }
    }
    await start({ providers: [Client] });
    await say('1', '2');
    expect(await received(1)).toEqual(['early']);
    gate.resolve();
    await log.next('end 2');
    expect(log.order).toEqual(['begin 1', 'end 1', 'begin 2', 'end 2']);
  });

  it('values, promises, Observables and async iterables are sent back', async () => {
    @WebSocketClient()
    class Client {
      onMessage(_ws: FourDWebSocket, { data }: ClientMessageEvent<string>): unknown {
        switch (data) {
          case 'promise':
            return Promise.resolve({ promised: true });
          case 'observable':
            return of('a', 'b');
          case 'iterable':
            return (async function* () {
              yield 'c';
              yield 4;
            })();
          default:
            return data.length;
        }
      }
    }
    await start({ providers: [Client] });
    await say('value', 'promise');
    await received(2);
    await say('observable');
    await received(4);
    await say('iterable');
    expect(await received(6)).toEqual(['5', '{"promised":true}', 'a', 'b', 'c', '4']);
  });

  it('a reply belongs to its connection: streams end with it, a late value is not kept for the next one', async () => {
    const gate = deferred<string>();
    @WebSocketClient()
    class Client {
      onOpen(ws: FourDWebSocket, { reconnected }: ClientOpenEvent) {
        if (reconnected) ws.send('back');
      }
      onMessage(_ws: FourDWebSocket, { data }: ClientMessageEvent<string>): unknown {
        if (data === 'stream') return interval(1).pipe(finalize(() => log.push('finalized')));
        log.push('late asked');
        return gate.promise;
      }
    }
    await start({ providers: [Client] });
    await say('stream', 'late');
    await received(1);
    await log.next('late asked');
    for (const client of server.clients) client.terminate();
    await log.next('finalized');
    const before = server.received.length;
    gate.resolve('too late');
    await server.until(() => server.received.includes('back'));
    await say('stream');
    await server.until(() => server.received.length > before + 3);
    expect(server.received).not.toContain('too late');
  });

  it("a connection that is lost ends an interceptor's stream that would never end, so that hooks go on", async () => {
    @UseInterceptors({
      intercept: (_context: ExecutionContext, next: CallHandler): Observable<unknown> =>
        concat(next.handle(), of('more'), NEVER),
    })
    @WebSocketClient()
    class Client {
      onMessage() {
        return 'once';
      }
      onDisconnect() {
        log.push('disconnect');
      }
    }
    await start({ providers: [Client] });
    await say('x');
    await received(2);
    for (const client of server.clients) client.terminate();
    await log.next('disconnect');
    server.received.length = 0;
    await say('y');
    expect(await received(2)).toEqual(['once', 'more']);
  });

  it('a stream that fails beside the messages is told to onError, in its turn', async () => {
    const gate = deferred<void>();
    @WebSocketClient()
    class Client {
      async onMessage(_ws: FourDWebSocket, { data }: ClientMessageEvent<string>): Promise<unknown> {
        if (data === 'stream')
          return (async function* () {
            yield 'first';
            await gate.promise;
            throw new Error('broken');
          })();
        log.push('begin');
        gate.resolve();
        await new Promise<void>((resolve) => setTimeout(resolve, 20));
        log.push('end');
        return undefined;
      }
      onError(_ws: FourDWebSocket, { errors: [error] }: ClientErrorEvent) {
        log.push('error', error.message);
      }
    }
    await start({ providers: [Client] });
    await say('stream', 'other');
    expect(await log.next('error')).toEqual(['broken']);
    expect(log.order).toEqual(['begin', 'end', 'error']);
  });
});

describe('shutdown', () => {
  it('clients end while what they inject is alive, and after the last hooks of the servers', async () => {
    @Injectable()
    class Store implements OnModuleDestroy {
      isAlive = true;
      onModuleDestroy() {
        this.isAlive = false;
        log.push('store destroyed');
      }
    }
    @WebSocketClient()
    class Client {
      constructor(private readonly store: Store) {}
      async onTerminate(_ws: FourDWebSocket, { code }: ClientTerminateEvent) {
        await new Promise<void>((resolve) => setTimeout(resolve, 20));
        log.push('client ended', code, this.store.isAlive);
      }
    }
    @ConnectionHandler({ path: '/' })
    class Served {
      constructor(private readonly clients: WebSocketClients) {}
      onOpen() {
        log.push('served');
      }
      onMessage() {}
      onTerminate() {
        log.push('connection ended', this.clients.get(Client)?.status);
      }
    }
    const { app, wsUrl } = await startApp({
      imports: [WebSocketClientModule.forRoot({ url: server.url })],
      providers: [Store, Client, Served],
    });
    await connected();
    const visitor = new FourDWebSocket(wsUrl, {}, { reconnect: false });
    await log.next('served');
    await app.close();
    expect(log.order).toEqual(['served', 'connection ended', 'client ended', 'store destroyed']);
    expect(await log.next('connection ended')).toEqual(['Connected']);
    expect(await log.next('client ended')).toEqual([1000, true]);
    expect(visitor.status).toBe('Closed');
    await expect(app.get(WebSocketClients).open(server.url, {})).rejects.toThrow(/needs a hook/);
    await expect(app.get(WebSocketClients).open(server.url, { onOpen() {} })).rejects.toThrow(
      /the application is shutting down/,
    );
  });

  it('waits no longer than shutdownTimeout for a hook that never ends', async () => {
    @WebSocketClient()
    class Stuck {
      onOpen() {
        log.push('open');
        return new Promise<never>(() => undefined);
      }
    }
    const app = await start({ providers: [Stuck] }, { shutdownTimeout: 50 });
    await log.next('open');
    const warnings: string[] = [];
    app.useLogger({ log() {}, error() {}, warn: (message: string) => warnings.push(message) });
    await app.close();
    app.useLogger(false);
    expect(warnings).toContain('Hooks of Stuck still run after shutdownTimeout, 50 ms');
  });

  it('a client that never got a connection ends too', async () => {
    @WebSocketClient('ws://127.0.0.1:1/')
    class Lost {
      onTerminate() {
        log.push('terminate');
      }
    }
    const app = await start({ providers: [Lost] });
    await app.close();
    expect(log.order).toEqual(['terminate']);
  });
});

describe('WebSocketClients.open()', () => {
  @Injectable()
  class Names {
    readonly name = 'injected';
  }
  @WebSocketClient({ connect: false, dataType: 'object' })
  class Session {
    private count = 0;
    constructor(private readonly names: Names) {}
    onMessage(_ws: FourDWebSocket, { data }: ClientMessageEvent<object>) {
      return { count: ++this.count, name: this.names.name, data };
    }
  }

  it('a class: an instance of its own for each client, with what it injects', async () => {
    const app = await start({ providers: [Names, Session] });
    const clients = app.get(WebSocketClients);
    expect([...clients]).toEqual([]);
    const one = await clients.open(server.url, Session);
    const two = await clients.open(server.url, Session, { protocols: ['v1'] });
    expect(one.handler).not.toBe(two.handler);
    expect(one.handler).toBeInstanceOf(Session);
    expect([...clients]).toEqual([one, two]);
    while (server.clients.size < 2) await new Promise<void>((resolve) => setImmediate(resolve));
    await say('[]');
    expect(await received(2)).toEqual(Array(2).fill('{"count":1,"name":"injected","data":[]}'));
    const offered = server.requests.map(({ headers }) => headers['sec-websocket-protocol']!.split(',')[0]);
    expect(offered).toContain('v1');
  });

  it('an object, as it is', async () => {
    const app = await start({});
    const handler = {
      dataType: 'object' as const,
      onMessage: (_ws: unknown, { data }: ClientMessageEvent<{ n: number }>) => ({ n: data.n + 1 }),
    };
    const client = await app.get(WebSocketClients).open<{ n: number }>(server.url, handler);
    expect(client.handler).toBe(handler);
    await say('{"n":1}');
    expect(await received(1)).toEqual(['{"n":2}']);
  });

  it('what can not be opened is an error that says why', async () => {
    class Unknown {
      onMessage() {}
    }
    @WebSocketClient()
    class Valued {
      onMessage() {}
    }
    const app = await start({ providers: [Session, Names, { provide: Valued, useValue: new Valued() }] });
    const clients = app.get(WebSocketClients);
    await expect(clients.open(server.url, Unknown)).rejects.toThrow(
      /^Unknown: .*needs a class that a module provides/,
    );
    await expect(clients.open(server.url, Valued)).rejects.toThrow(
      /^Valued: it is provided with useFactory or useValue/,
    );
    await expect(clients.open('nowhere', Session)).rejects.toThrow(/^Session: "url" must be an absolute ws:/);
    await expect(clients.open(server.url, Session, { recconect: false } as object)).rejects.toThrow(
      /^Session: the option "recconect" must be "reconnect"/,
    );
  });
});

describe('errors at start-up name class and option', () => {
  class Hooked {
    onMessage() {}
  }

  it('no url', async () => {
    @WebSocketClient()
    class Homeless extends Hooked {}
    const error = await startError({ providers: [Homeless] }, {});
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error.message).toMatch(
      /^Homeless: the option "url" must be a URL: set it in @WebSocketClient\({ url }\)/,
    );
  });

  it('an option that there is none of, in the decorator, the module, and for a client', async () => {
    @WebSocketClient({ url: 'ws://x', reconect: false } as object)
    class Typo extends Hooked {}
    expect((await startError({ providers: [Typo] }, {})).message).toMatch(
      /^Typo: the option "reconect" must be "reconnect": there is no such option/,
    );
    expect((await startError({}, { tokenn: 1 } as object)).message).toMatch(
      /^WebSocketClientModule: the option "tokenn" must be "token"/,
    );
    @WebSocketClient('ws://x')
    class Feed extends Hooked {}
    expect((await startError({ providers: [Feed] }, { clients: { Fead: {} } })).message).toMatch(
      /^WebSocketClientModule \(clients\): the option "Fead" must be "Feed": there is no such client/,
    );
  });

  it('a value out of range, and a URL that is none', async () => {
    @WebSocketClient({ url: 'ws://x', connectTimeout: 0 })
    class Hasty extends Hooked {}
    const error = await startError({ providers: [Hasty] }, {});
    expect(error).toBeInstanceOf(InvalidHandlerError);
    expect(error.message).toMatch(/^Hasty: "connectTimeout" must be a whole number from 1/);
    @WebSocketClient('ftp://x')
    class Ftp extends Hooked {}
    expect((await startError({ providers: [Ftp] }, {})).message).toMatch(
      /^Ftp: "url" must be an absolute ws:/,
    );
    expect((await startError({}, { shutdownTimeout: -1 })).message).toMatch(
      /^WebSocketClientModule: the option "shutdownTimeout" must be an integer/,
    );
  });

  it('no hook, a kind without a discriminator, and a guard that Nest has no instance of', async () => {
    @WebSocketClient('ws://x')
    class Idle {}
    expect((await startError({ providers: [Idle] }, {})).message).toMatch(/^Idle: a client needs a hook/);
    @WebSocketClient('ws://x')
    class Kind {
      @OnMessage('a')
      a() {}
    }
    expect((await startError({ providers: [Kind] }, {})).message).toMatch(
      /^Kind: @OnMessage\('a'\) needs to know .*@WebSocketClient\({ discriminator: 'type' }\)/,
    );
    @Injectable()
    class Nowhere implements CanActivate {
      canActivate() {
        return true;
      }
    }
    @UseGuards(Nowhere)
    @WebSocketClient('ws://x')
    class Guarded extends Hooked {}
    expect(
      (await startError({ providers: [{ provide: Guarded, useFactory: () => new Guarded() }] }, {})).message,
    ).toMatch(/^Guarded: Nest has no instance of Nowhere; Guarded is provided with useFactory or useValue/);
  });

  it('a dependency of a factory that the module can not inject', async () => {
    @WebSocketClient({ inject: ['MISSING'], useFactory: (url: string) => ({ url }) })
    class Feed extends Hooked {}
    expect((await startError({ providers: [Feed] }, {})).message).toMatch(/Feed \(useFactory\).*MISSING/s);
  });

  it('the module imported twice with different options', async () => {
    @Module({
      imports: [
        WebSocketClientModule.forRoot({ url: 'ws://a' }),
        WebSocketClientModule.forRoot({ url: 'ws://b' }),
      ],
    })
    class Twice {}
    await expect(Test.createTestingModule({ imports: [Twice] }).compile()).rejects.toThrow(
      /^WebSocketClientModule: it is imported 2 times/,
    );
  });
});

it('what no onError hears is logged: a failure with its stack, a server that can not be reached as a warning', async () => {
  @WebSocketClient()
  class Client {
    onMessage() {
      throw new Error('no good');
    }
  }
  @WebSocketClient('ws://127.0.0.1:1/')
  class Lost {
    onOpen() {}
    onDisconnect() {
      log.push('disconnect');
    }
  }
  const app = await start({ providers: [Client, Lost] });
  const lines: string[][] = [];
  const write = (...line: string[]) => {
    lines.push(line);
    log.push('line');
  };
  app.useLogger({ log() {}, error: write, warn: write });
  await say('x');
  while (
    !lines.some(([line]) => line!.startsWith('Client: no good')) ||
    !lines.some(([line]) => line!.startsWith('Lost:'))
  ) {
    await log.next('line');
  }
  app.useLogger(false);
  expect(lines.find(([line]) => line!.startsWith('Client'))).toEqual([
    'Client: no good (user 1011)',
    expect.stringContaining('Error: no good'),
    'WebSocketClient',
  ]);
  expect(lines.find(([line]) => line!.startsWith('Lost'))![0]).toMatch(/ECONNREFUSED.* \(wsck 1006\)$/);
});

it('a client that has given up is in the log, one that was asked to end is not', async () => {
  @WebSocketClient({ url: 'ws://127.0.0.1:1/', reconnect: { maxAttempts: 0 } })
  class GivenUp {
    onTerminate() {
      log.push('given up');
    }
  }
  @WebSocketClient({ url: 'ws://127.0.0.1:1/', reconnect: { minDelay: 60_000, maxDelay: 60_000 } })
  class Asked {
    onDisconnect() {
      log.push('waits');
    }
    onTerminate() {
      log.push('terminate');
    }
  }
  const app = await start({ providers: [GivenUp, Asked] });
  const lines: string[] = [];
  app.useLogger({ log() {}, error() {}, warn: (line: string) => lines.push(line) });
  await Promise.all([log.next('given up'), log.next('waits')]);
  app.get(WebSocketClients).get(Asked)!.terminate();
  await log.next('terminate');
  await app.close();
  app.useLogger(false);
  expect(lines.filter((line) => line.includes('has ended'))).toEqual([
    'GivenUp has ended, and will not connect again: 1006',
  ]);
});
