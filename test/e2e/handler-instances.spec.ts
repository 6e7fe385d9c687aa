import type { AddressInfo } from 'node:net';
import { Inject, Injectable, Module, Scope } from '@nestjs/common';
import { NestFactory, REQUEST } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  CONNECTION,
  ConnectionHandler,
  FourDWebSocketModule,
  WebSocketConnection,
  WebSocketServer,
  WSSHandler,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { connect } from '../support/client.js';

afterEach(closeApps);

async function ask(url: string, ...messages: string[]): Promise<unknown[]> {
  const client = await connect(url);
  const replies = [];
  for (const message of messages) {
    client.send(message);
    replies.push(await client.next());
  }
  return replies;
}

@Injectable()
class Counter {
  count = 0;
}

describe('§9 handler instances', () => {
  it('9.1 one instance per connection: this is the connection’s own state; default-scoped dependencies are shared', async () => {
    @ConnectionHandler({ path: '/' })
    class Handler {
      private mine = 0;
      @Inject() private readonly byProperty!: Counter;
      constructor(private readonly counter: Counter) {}
      onMessage() {
        return `${++this.mine} ${++this.counter.count} ${this.byProperty === this.counter}`;
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler, Counter] });
    expect(await ask(wsUrl, '', '')).toEqual(['1 1 true', '2 2 true']);
    expect(await ask(wsUrl, '')).toEqual(['1 3 true']);
  });

  it('9.1 request-scoped dependencies live as long as the connection, and are shared within it', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class State extends Counter {
      constructor(
        @Inject(CONNECTION) readonly ws: WebSocketConnection,
        @Inject(REQUEST) readonly request: { url: string },
      ) {
        super();
      }
    }
    @Injectable({ scope: Scope.REQUEST })
    class Other {
      constructor(readonly state: State) {}
    }
    @ConnectionHandler({ path: '/' })
    class Handler {
      constructor(
        private readonly state: State,
        private readonly other: Other,
        @Inject(CONNECTION) private readonly ws: WebSocketConnection,
      ) {}
      onMessage(ws: WebSocketConnection) {
        return `${++this.state.count} ${this.other.state === this.state} ${this.ws === ws && this.state.ws === ws} ${this.state.request.url}`;
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler, State, Other] });
    expect(await ask(`${wsUrl}/?a`, '', '')).toEqual(['1 true true /?a', '2 true true /?a']);
    expect(await ask(`${wsUrl}/?b`, '')).toEqual(['1 true true /?b']);
  });

  it('9.1 a transient dependency is made for each handler', async () => {
    @Injectable({ scope: Scope.TRANSIENT })
    class Transient extends Counter {}
    @ConnectionHandler({ path: '/' })
    class Handler {
      constructor(private readonly transient: Transient) {}
      onMessage() {
        return String(++this.transient.count);
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler, Transient] });
    expect(await ask(wsUrl, '', '')).toEqual(['1', '2']);
    expect(await ask(wsUrl, '')).toEqual(['1']);
  });

  it('9.2 Scope.DEFAULT shares one instance among all connections', async () => {
    @ConnectionHandler({ path: '/', scope: Scope.DEFAULT })
    class Handler {
      private mine = 0;
      onMessage() {
        return String(++this.mine);
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler] });
    expect(await ask(wsUrl, '')).toEqual(['1']);
    expect(await ask(wsUrl, '')).toEqual(['2']);
  });

  it('a handler that several modules provide is taken from the server’s own module', async () => {
    @ConnectionHandler()
    class Handler {
      constructor(@Inject('NAME') private readonly name: string) {}
      onMessage() {
        return this.name;
      }
    }
    @WSSHandler('/b')
    class Server {
      onConnection() {
        return Handler;
      }
    }
    @Module({ providers: [Handler, { provide: 'NAME', useValue: 'a' }] })
    class A {}
    @Module({ providers: [Handler, Server, { provide: 'NAME', useValue: 'b' }] })
    class B {}
    const { wsUrl } = await startApp({ imports: [A, B] });
    expect(await ask(`${wsUrl}/b`, '')).toEqual(['b']);
  });

  it('a handler whose constructor throws: the client sees 1011, the server’s onError hears of it', async () => {
    const errors: string[] = [];
    @ConnectionHandler()
    class Handler {
      constructor() {
        throw new Error('no handler');
      }
      onMessage() {}
    }
    @WSSHandler('/')
    class Server {
      onConnection() {
        return Handler;
      }
      onError(_wss: unknown, event: { errors: { message: string }[] }) {
        errors.push(event.errors[0]!.message);
      }
    }
    const { wsUrl } = await startApp({ providers: [Server, Handler] });
    const client = await connect(wsUrl);
    expect((await client.closed).code).toBe(1011);
    expect(errors).toEqual(['no handler']);
  });

  it('overrideProvider() replaces a handler and a server handler, as in any Nest test', async () => {
    @ConnectionHandler({ path: '/handler' })
    class Handler {
      onMessage() {
        return 'real';
      }
    }
    @WSSHandler('/server')
    class Server {
      onConnection(): object | null {
        return null;
      }
    }
    const module = await Test.createTestingModule({
      imports: [FourDWebSocketModule.forRoot()],
      providers: [Handler, Server],
    })
      .overrideProvider(Handler)
      .useValue({ onMessage: (_ws: WebSocketConnection, { data }: WSMessageEvent) => `fake ${String(data)}` })
      .overrideProvider(Server)
      .useValue({ onConnection: () => ({ onMessage: () => 'fake server' }) })
      .compile();
    const app = module.createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address();
    try {
      expect(await ask(`ws://127.0.0.1:${port}/handler`, 'x')).toEqual(['fake x']);
      expect(await ask(`ws://127.0.0.1:${port}/server`, 'x')).toEqual(['fake server']);
    } finally {
      await app.close();
    }
  });
});

describe('9.1 an instanceDecorator of the application', () => {
  it('is applied to every handler: per connection, with a scoped dependency, shared, of a server', async () => {
    const decorated = new WeakSet<object>();
    @Injectable({ scope: Scope.REQUEST })
    class Scoped {}
    const reply = (ws: WebSocketConnection) => (decorated.has(ws.handler) ? 'decorated' : 'as it was made');
    @ConnectionHandler({ path: '/plain' })
    class Plain {
      onMessage(ws: WebSocketConnection) {
        return reply(ws);
      }
    }
    @ConnectionHandler({ path: '/scoped' })
    class WithScoped {
      constructor(readonly scoped: Scoped) {}
      onMessage(ws: WebSocketConnection) {
        return reply(ws);
      }
    }
    @ConnectionHandler({ path: '/shared', scope: Scope.DEFAULT })
    class Shared {
      onMessage(ws: WebSocketConnection) {
        return reply(ws);
      }
    }
    @WSSHandler('/server')
    class Server {
      onConnection(wss: WebSocketServer) {
        return { onMessage: () => (decorated.has(wss.handler) ? 'decorated' : 'as it was made') };
      }
    }
    @Module({
      imports: [FourDWebSocketModule.forRoot()],
      providers: [Plain, WithScoped, Shared, Server, Scoped],
    })
    class AppModule {}
    const handlers = [Plain, WithScoped, Shared, Server];
    const app = await NestFactory.create(AppModule, {
      logger: false,
      instrument: {
        instanceDecorator: (instance) => {
          if (!handlers.some((type) => instance instanceof type)) return instance;
          const decoration = new Proxy(instance as object, {});
          decorated.add(decoration);
          return decoration;
        },
      },
    });
    try {
      await app.listen(0, '127.0.0.1');
      const { port } = app.getHttpServer().address() as AddressInfo;
      const replies: Record<string, unknown> = {};
      // Twice: what is looked up for the first connection serves the second.
      for (const path of ['plain', 'scoped', 'shared', 'server', 'plain', 'scoped']) {
        const client = await connect(`ws://127.0.0.1:${port}/${path}`);
        client.send('x');
        replies[path] = [...((replies[path] as unknown[]) ?? []), await client.next()];
        await client.close();
      }
      expect(replies).toEqual({
        plain: ['decorated', 'decorated'],
        scoped: ['decorated', 'decorated'],
        shared: ['decorated'],
        server: ['decorated'],
      });
    } finally {
      await app.close();
    }
  });
});
