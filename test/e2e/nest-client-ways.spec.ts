/** The client in Nest (15.7), however its messages come, and however Nest has its handler. */
import { runInThisContext } from 'node:vm';
import {
  Injectable,
  Scope,
  UseGuards,
  UseInterceptors,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type INestApplicationContext,
  type NestInterceptor,
  type Provider,
  type Type,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { ConnectedSocket, MessageBody } from '@nestjs/websockets';
import {
  ConnectionHandler,
  WebSocketClient,
  WebSocketClientModule,
  WebSocketClients,
  type ServerOptions,
  type WebSocketConnection,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import {
  FourDWebSocket,
  type ClientErrorEvent,
  type ClientMessageEvent,
  type ClientTerminateEvent,
} from 'nestjs-4d-websocket/client';
import { closeApps, startApp, type TestAppOptions } from '../support/app.js';
import { selfSigned } from '../support/certificate.js';
import { freePort } from '../support/free-port.js';
import { Recorder } from '../support/recorder.js';

let clients: INestApplicationContext | undefined;
afterEach(async () => {
  await clients?.close();
  await closeApps();
});

/** How a client's server is reached. */
interface Transport {
  app?: Pick<TestAppOptions, 'platform' | 'https'>;
  server?: ServerOptions;
}

const certificate = selfSigned();

const TRANSPORTS: [name: string, transport: () => Promise<Transport>][] = [
  ['plain', async () => ({})],
  ['Fastify', async () => ({ app: { platform: 'fastify' } })],
  ['compression', async () => ({ server: { perMessageDeflate: { threshold: 0 } } })],
  ['TLS', async () => ({ app: { https: await certificate } })],
  [
    'TLS and compression on Fastify',
    async () => ({
      app: { https: await certificate, platform: 'fastify' },
      server: { perMessageDeflate: { threshold: 0 } },
    }),
  ],
  ["a port of the server's own", async () => ({ server: { port: await freePort() } })],
];

/** What the other end of a client sees: each greets, says two words at once, and tells what it hears. */
async function serve({ app, server }: Transport = {}) {
  const heard = new Recorder();
  @ConnectionHandler({ path: '/words', ...server })
  class Words {
    onOpen(ws: WebSocketConnection) {
      heard.push('connected', ws.request.raw.headers, ws.request.raw.socket);
      ws.send('one');
      ws.send('two');
    }
    onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
      heard.push('heard', data);
    }
    onTerminate() {
      heard.push('gone');
    }
  }
  const { wsUrl } = await startApp({ ...app, providers: [Words] });
  const url = new URL('/words', wsUrl);
  if (server?.port !== undefined) url.port = String(server.port);
  return { heard, url };
}

async function start(url: URL, providers: Provider[]): Promise<INestApplicationContext> {
  const testing = await Test.createTestingModule({
    imports: [WebSocketClientModule.forRoot({ url, reconnect: { minDelay: 1, maxDelay: 5 } })],
    providers,
  }).compile();
  testing.useLogger(false);
  clients = await testing.init();
  return clients;
}

/** Node's own environment: jest shows tests a copy. */
const { env } = runInThisContext('process') as NodeJS.Process;

/** Trusts the certificate that tests sign themselves, for the time of one. */
async function trusting(body: () => Promise<void>): Promise<void> {
  env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  try {
    await body();
  } finally {
    delete env.NODE_TLS_REJECT_UNAUTHORIZED;
  }
}

@Injectable()
class Around implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle();
  }
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** The hooks of a client: it answers each word in capitals, one at a time. */
function clientClass(log: Recorder, around?: ClassDecorator): Type<object> {
  class Shouting {
    busy = false;
    async onMessage(_ws: FourDWebSocket, { data }: ClientMessageEvent<string>) {
      if (this.busy) throw new Error('hooks overlap');
      this.busy = true;
      await nextTurn();
      this.busy = false;
      return data.toUpperCase();
    }
    onError(_ws: FourDWebSocket, { errors: [{ message }] }: ClientErrorEvent) {
      log.push('error', message);
    }
    onTerminate(_ws: FourDWebSocket, { code }: ClientTerminateEvent) {
      log.push('terminate', code);
    }
  }
  if (around) Reflect.decorate([around], Shouting);
  Reflect.decorate([WebSocketClient() as ClassDecorator], Shouting);
  return Shouting;
}

describe.each(TRANSPORTS)('over %s', (name, transport) => {
  it.each([
    ['plain', undefined],
    ['behind an interceptor', UseInterceptors(Around)],
  ])('a %s client is served in order, and ends with the application', (_kind, around) =>
    trusting(async () => {
      const { heard, url } = await serve(await transport());
      const log = new Recorder();
      const app = await start(url, [clientClass(log, around as ClassDecorator | undefined)]);
      const [headers, socket] = (await heard.next('connected')) as [Record<string, string>, object];
      expect('encrypted' in socket).toBe(name.includes('TLS'));
      expect(headers['sec-websocket-extensions']).toMatch(/permessage-deflate/);
      expect(await heard.next('heard')).toEqual(['ONE']);
      expect(await heard.next('heard')).toEqual(['TWO']);
      await app.close();
      await heard.next('gone');
      expect(log.order).toEqual(['terminate']);
    }),
  );

  it('its token arrives as the Authorization header', () =>
    trusting(async () => {
      const { heard, url } = await serve(await transport());
      let asked = 0;
      @WebSocketClient({ token: async () => `token-${++asked}` })
      class Authorised {
        onOpen() {}
      }
      await start(url, [Authorised]);
      const [headers] = (await heard.next('connected')) as [Record<string, string>];
      expect(headers.authorization).toBe('Bearer token-1');
      expect(headers['sec-websocket-protocol']).not.toContain('bearer.');
    }));
});

describe('however a module provides the handler', () => {
  type Provide = (type: Type<object>) => Provider[];
  const provisions: Record<string, Provide> = {
    'the class': (type) => [type],
    useClass: (type) => [{ provide: type, useClass: class Replacement extends type {} }],
    useFactory: (type) => [{ provide: type, useFactory: () => new type() }],
    'an async useFactory': (type) => [
      {
        provide: type,
        useFactory: async () => {
          await nextTurn();
          return new type();
        },
      },
    ],
    useValue: (type) => [{ provide: type, useValue: new type() }],
    'useExisting, beside the class': (type) => [type, { provide: 'ALIAS', useExisting: type }],
    'a factory under another name that gives the same': (type) => [
      type,
      { provide: 'ALIAS', inject: [type], useFactory: (instance: object) => instance },
    ],
    'useValue under another name': (type) => [{ provide: 'NAME', useValue: new type() }],
  };

  it.each(Object.entries(provisions))(
    '%s: one client, that is found by its class',
    async (_name, provide) => {
      const { heard, url } = await serve();
      const Client = clientClass(new Recorder());
      const app = await start(url, provide(Client));
      expect(await heard.next('heard')).toEqual(['ONE']);
      expect(await heard.next('heard')).toEqual(['TWO']);
      const all = [...app.get(WebSocketClients)];
      expect(all).toHaveLength(1);
      expect(app.get(WebSocketClients).get(Client)).toBe(all[0]);
      expect(heard.order.filter((name) => name === 'connected')).toHaveLength(1);
    },
  );

  it.each(['the class', 'useClass', 'useFactory', 'useValue'])(
    '%s: guards that are global, and parameters that are bound, are around its messages',
    async (name) => {
      const { heard, url } = await serve();
      const guarded: unknown[] = [];
      @Injectable()
      class Guard implements CanActivate {
        canActivate(context: ExecutionContext) {
          guarded.push([context.getType(), context.switchToWs().getData()]);
          return true;
        }
      }
      @WebSocketClient()
      class Bound {
        onMessage(@MessageBody() word: string, @ConnectedSocket() ws: FourDWebSocket) {
          return `${word} ${ws instanceof FourDWebSocket}`;
        }
      }
      await start(url, [{ provide: APP_GUARD, useClass: Guard }, ...provisions[name]!(Bound)]);
      expect(await heard.next('heard')).toEqual(['one true']);
      expect(await heard.next('heard')).toEqual(['two true']);
      expect(guarded).toEqual([
        ['ws', 'one'],
        ['ws', 'two'],
      ]);
    },
  );

  it('with a request-scoped dependency: one for the life of the client, over its connections', async () => {
    const { heard, url } = await serve();
    let made = 0;
    @Injectable({ scope: Scope.REQUEST })
    class PerClient {
      readonly number = ++made;
    }
    @WebSocketClient()
    class First {
      constructor(private readonly own: PerClient) {}
      onMessage(ws: FourDWebSocket, { data }: ClientMessageEvent<string>): string {
        return `${data} ${this.own.number} ${ws.handler === this}`;
      }
    }
    @WebSocketClient({ connect: false })
    class Second extends First {}
    const app = await start(url, [PerClient, First, Second]);
    expect(await heard.next('heard')).toEqual(['one 1 true']);
    expect(await heard.next('heard')).toEqual(['two 1 true']);
    // A class that does not connect may have had one made for it: what counts is that each has its own.
    const ws = await app.get(WebSocketClients).open(url, Second);
    const [again] = (await heard.next('heard')) as [string];
    expect(again).toMatch(/^one [2-9] true$/);
    expect(await heard.next('heard')).toEqual([again.replace('one', 'two')]);
    ws.terminate();
    await heard.next('gone');
    expect(app.get(WebSocketClients).get(First)!.status).toBe('Connected');
  });
});

describe('an application that does not import WebSocketClientModule', () => {
  async function warnings(imports: TestAppOptions['imports']): Promise<string[]> {
    const lines: string[] = [];
    @WebSocketClient('ws://127.0.0.1:1/')
    class Forgotten {
      onOpen() {}
    }
    const warn = (line: string) => lines.push(line);
    const { close } = await startApp({
      imports,
      providers: [Forgotten],
      logger: { log() {}, error() {}, warn },
    });
    await close();
    return lines.filter((line) => line.includes('never connects'));
  }

  it('is told at start-up, by FourDWebSocketModule, which of its clients never connect', async () => {
    expect(await warnings([])).toEqual([
      'Forgotten is a @WebSocketClient(), and never connects, since no module imports WebSocketClientModule; ' +
        'import WebSocketClientModule.forRoot() in the root module',
    ]);
    expect(await warnings([WebSocketClientModule.forRoot()])).toEqual([]);
  });
});

it('an object with a guard that Nest has no instance of: the remedy is one of a client', async () => {
  const { url } = await serve();
  @Injectable()
  class Guard implements CanActivate {
    canActivate() {
      return true;
    }
  }
  const app = await start(url, []);
  class Decorated {
    onMessage() {}
  }
  Reflect.decorate([UseGuards(Guard)], Decorated);
  await expect(app.get(WebSocketClients).open(url, new Decorated())).rejects.toThrow(
    'Decorated: Nest has no instance of Guard; add Decorated to the providers of a module, and give the class itself in ' +
      'the place of the object, or give the decorator an instance: new Guard()',
  );
});
