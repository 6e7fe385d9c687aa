import { once } from 'node:events';
import { Controller, Get, Injectable, Module, Scope } from '@nestjs/common';
import { HttpAdapterHost, LazyModuleLoader, NestFactory } from '@nestjs/core';
import { Transport } from '@nestjs/microservices';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql';
import { createClient } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { io } from 'socket.io-client';
import { WebSocket, WebSocketServer as PlainServer } from 'ws';
import {
  ConnectionHandler,
  FourDWebSocketModule,
  WebSocketServerRegistry,
  WSSHandler,
  type WebSocketConnection,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { selfSigned } from '../support/certificate.js';
import { connect, connectRefused } from '../support/client.js';

afterEach(closeApps);

@ConnectionHandler({ path: '/ours' })
class Echo {
  onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
    return data;
  }
}

async function expectEcho(url: string, options?: Parameters<typeof connect>[1]) {
  const client = await connect(url, options);
  client.send('x');
  expect(await client.next()).toBe('x');
  await client.close();
}

describe('1.7 other WebSocket users of the same application', () => {
  it('an application that called useWebSocketAdapter(new IoAdapter(app)): each keeps its own clients', async () => {
    @WebSocketGateway()
    class Gateway {
      @SubscribeMessage('ping')
      ping() {
        return 'pong';
      }
    }
    const { url, wsUrl } = await startApp({
      providers: [Echo, Gateway],
      configure: (app) => app.useWebSocketAdapter(new IoAdapter(app)),
    });
    const socket = io(url, { transports: ['websocket'] });
    try {
      expect(await socket.timeout(5000).emitWithAck('ping')).toBe('pong');
      await expectEcho(`${wsUrl}/ours`);
    } finally {
      socket.disconnect();
    }
  });

  it('GraphQL subscriptions with graphql-ws on the same server', async () => {
    const schema = new GraphQLSchema({
      query: new GraphQLObjectType({ name: 'Query', fields: { hello: { type: GraphQLString } } }),
      subscription: new GraphQLObjectType({
        name: 'Subscription',
        fields: {
          greetings: {
            type: GraphQLString,
            subscribe: async function* () {
              for (const greetings of ['hi', 'hello']) yield { greetings };
            },
          },
        },
      }),
    });
    @Injectable()
    class Subscriptions {
      constructor(private readonly host: HttpAdapterHost) {}
      onModuleInit() {
        const server = new PlainServer({ noServer: true });
        useServer({ schema }, server);
        this.host.httpAdapter.getHttpServer().on('upgrade', (request: never, socket: never, head: never) => {
          if ((request as { url: string }).url !== '/graphql') return;
          server.handleUpgrade(request, socket, head, (client) => server.emit('connection', client, request));
        });
      }
    }
    const { wsUrl } = await startApp({ providers: [Echo, Subscriptions] });
    const client = createClient({ url: `${wsUrl}/graphql`, webSocketImpl: WebSocket });
    const received = [];
    for await (const { data } of client.iterate({ query: 'subscription { greetings }' })) received.push(data);
    expect(received).toEqual([{ greetings: 'hi' }, { greetings: 'hello' }]);
    await client.dispose();
    await expectEcho(`${wsUrl}/ours`);
  });
});

describe('platforms', () => {
  it.each(['express', 'fastify'] as const)('HTTPS on %s', async (platform) => {
    const httpsOptions = await selfSigned();
    @Module({ imports: [FourDWebSocketModule.forRoot()], providers: [Echo] })
    class AppModule {}
    const app =
      platform === 'express'
        ? await NestFactory.create(AppModule, { httpsOptions, logger: false })
        : await NestFactory.create(AppModule, new FastifyAdapter({ https: httpsOptions }), { logger: false });
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address();
    const client = await connect(`wss://127.0.0.1:${port}/ours`, { rejectUnauthorized: false });
    for (const message of ['x', 'y'.repeat(100_000)]) {
      client.send(message);
      expect(await client.next()).toBe(message);
    }
    await app.close();
    expect((await client.closed).code).toBe(1001);
  });

  it('setGlobalPrefix does not apply, as for gateways', async () => {
    const { wsUrl } = await startApp({ providers: [Echo], configure: (app) => app.setGlobalPrefix('api') });
    await expectEcho(`${wsUrl}/ours`);
    expect((await connectRefused(`${wsUrl}/api/ours`)).status).toBe(404);
  });

  it('a hybrid application', async () => {
    const { wsUrl, app } = await startApp({
      providers: [Echo],
      configure: (hybrid) =>
        void hybrid.connectMicroservice({ transport: Transport.TCP, options: { port: 0 } }),
    });
    await app.startAllMicroservices();
    await expectEcho(`${wsUrl}/ours`);
  });

  it('several applications in one process do not mix', async () => {
    const first = await startApp({ providers: [Echo] });
    const second = await startApp({ providers: [Echo] });
    const client = await connect(`${second.wsUrl}/ours`);
    expect(first.app.get(WebSocketServerRegistry).get('/ours')!.connections.length).toBe(0);
    await first.close();
    client.send('still');
    expect(await client.next()).toBe('still');
  });

  it('a lazy-loaded module: its handler serves once it is created', async () => {
    @WSSHandler()
    class Lazy {
      onConnection() {
        return { onMessage: () => 'lazy' };
      }
    }
    @Module({ providers: [Lazy] })
    class LazyModule {}
    const { app, wsUrl } = await startApp({ providers: [Echo] });
    expect((await connectRefused(`${wsUrl}/lazy`)).status).toBe(404);
    const module = await app.get(LazyModuleLoader).load(() => LazyModule);
    app.get(WebSocketServerRegistry).create(module.get(Lazy), { path: '/lazy' });
    const client = await connect(`${wsUrl}/lazy`);
    client.send('x');
    expect(await client.next()).toBe('lazy');
  });

  it('the module imported without forRoot()', async () => {
    const module = await Test.createTestingModule({
      imports: [FourDWebSocketModule],
      providers: [Echo],
    }).compile();
    const app = module.createNestApplication({ logger: false });
    const httpServer = (await app.init()).getHttpServer().listen(0);
    await once(httpServer, 'listening');
    await expectEcho(`ws://127.0.0.1:${httpServer.address().port}/ours`);
    await app.close();
  });

  it('a request-scoped controller beside it is not disturbed', async () => {
    @Controller({ scope: Scope.REQUEST })
    class Http {
      @Get()
      get() {
        return 'http';
      }
    }
    const { url, wsUrl } = await startApp({ providers: [Echo], controllers: [Http] });
    expect(await (await fetch(url)).text()).toBe('http');
    await expectEcho(`${wsUrl}/ours`);
  });
});
