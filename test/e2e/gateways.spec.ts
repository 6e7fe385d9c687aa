import { once } from 'node:events';
import { Controller, Get, Injectable, Module } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { SubscribeMessage, WebSocketGateway, MessageBody } from '@nestjs/websockets';
import { WebSocketServer as PlainServer } from 'ws';
import {
  ConnectionHandler,
  FourDWebSocketModule,
  WSSHandler,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { connect, connectRefused, type TestClient } from '../support/client.js';
import { freePort } from '../support/free-port.js';

afterEach(closeApps);

@WebSocketGateway({ path: '/gateway' })
class Gateway {
  @SubscribeMessage('ping')
  ping(@MessageBody() data: string) {
    return { event: 'pong', data };
  }
}

function handlerClass(path: string | undefined, name: string) {
  @ConnectionHandler({ path, dataType: 'text' })
  class Handler {
    onMessage(_ws: unknown, { data }: WSMessageEvent<string>) {
      return `${name} ${data}`;
    }
  }
  return Handler;
}

async function ask(client: TestClient, message: string) {
  client.send(message);
  return client.next();
}
const PING = '{"event":"ping","data":"x"}';
const PONG = '{"event":"pong","data":"x"}';

describe.each(['express', 'fastify'] as const)('1.7 one port for all, on %s', (platform) => {
  it('ordinary gateways keep working beside our servers', async () => {
    @Controller()
    class Http {
      @Get()
      get() {
        return 'http';
      }
    }
    const { wsUrl, url } = await startApp({
      platform,
      controllers: [Http],
      providers: [Gateway, handlerClass('/ours', 'ours')],
    });
    expect(await ask(await connect(`${wsUrl}/gateway`), PING)).toBe(PONG);
    expect(await ask(await connect(`${wsUrl}/ours`), 'x')).toBe('ours x');
    expect(await (await fetch(url)).text()).toBe('http');
    expect(await connectRefused(`${wsUrl}/none`)).toMatchObject({
      status: 404,
      json: { statusCode: 404, message: 'Cannot GET /none', error: 'Not Found' },
    });
  });

  it('exact beats pattern, the first pattern beats the next, a gateway beats our server without a path', async () => {
    const { wsUrl } = await startApp({
      platform,
      providers: [
        handlerClass('/:first', 'first'),
        handlerClass('/rooms/:id', 'rooms'),
        handlerClass('/exact', 'exact'),
        handlerClass('/:second', 'second'),
        handlerClass(undefined, 'pathless'),
        WebSocketGatewayAt('/a/gateway'),
      ],
    });
    expect(await ask(await connect(`${wsUrl}/exact`), 'x')).toBe('exact x');
    expect(await ask(await connect(`${wsUrl}/exact/?q=1`), 'x')).toBe('exact x');
    expect(await ask(await connect(`${wsUrl}/other`), 'x')).toBe('first x');
    expect(await ask(await connect(`${wsUrl}/rooms/1`), 'x')).toBe('rooms x');
    expect(await ask(await connect(`${wsUrl}/a/gateway`), PING)).toBe(PONG);
    expect(await ask(await connect(`${wsUrl}/a/b/c`), 'x')).toBe('pathless x');
  });

  it('other users of the upgrade event keep their clients', async () => {
    @Injectable()
    class Other {
      constructor(private readonly host: HttpAdapterHost) {}
      onModuleInit() {
        const server = new PlainServer({ server: this.host.httpAdapter.getHttpServer(), path: '/other' });
        server.on('connection', (socket) => socket.send('other'));
      }
    }
    const { wsUrl } = await startApp({ platform, providers: [Other, handlerClass('/ours', 'ours')] });
    const other = await connect(`${wsUrl}/other`);
    expect(await other.next()).toBe('other');
    await other.close();
    expect(await ask(await connect(`${wsUrl}/ours`), 'x')).toBe('ours x');
    // Nobody's path: the other listener's own answer.
    expect(await connectRefused(`${wsUrl}/none`)).toMatchObject({ status: 400 });
  });
});

function WebSocketGatewayAt(path: string, port?: number) {
  class At extends Gateway {}
  if (port === undefined) WebSocketGateway({ path })(At);
  else WebSocketGateway(port, { path })(At);
  return At;
}

describe('1.7 ports of their own', () => {
  it('are shared by gateways and our servers', async () => {
    const port = await freePort();
    @ConnectionHandler({ path: '/ours', port })
    class Handler {
      onMessage() {
        return 'ours';
      }
    }
    const { close } = await startApp({ providers: [Handler, WebSocketGatewayAt('/gateway', port)] });
    const clients = [
      await connect(`ws://127.0.0.1:${port}/ours`),
      await connect(`ws://127.0.0.1:${port}/gateway`),
    ];
    expect(await ask(clients[0]!, 'x')).toBe('ours');
    expect(await ask(clients[1]!, PING)).toBe(PONG);
    expect(await connectRefused(`ws://127.0.0.1:${port}/none`)).toMatchObject({ status: 404 });
    await close();
    await Promise.all(clients.map(({ closed }) => closed));
  });
});

describe('1.7 a server without a path hides other listeners', () => {
  it('start-up warns of it', async () => {
    const warnings: string[] = [];
    @Injectable()
    class Other {
      constructor(private readonly host: HttpAdapterHost) {}
      onModuleInit() {
        this.host.httpAdapter.getHttpServer().on('upgrade', () => undefined);
      }
    }
    @WSSHandler()
    class Pathless {
      onConnection() {
        return null;
      }
    }
    await startApp({
      providers: [Other, Pathless],
      logger: {
        log: () => undefined,
        error: () => undefined,
        warn: (message: unknown) => warnings.push(String(message)),
      },
    });
    expect(warnings).toEqual([
      expect.stringMatching(/^Pathless has no path, so it takes the upgrade requests/),
    ]);
  });
});

describe('1.5 forRootAsync', () => {
  @Injectable()
  class Config {
    create() {
      return { maxPayload: 10 };
    }
  }
  @Module({ providers: [Config], exports: [Config] })
  class ConfigModule {}

  it.each([
    [
      'useFactory',
      { imports: [ConfigModule], inject: [Config], useFactory: async (config: Config) => config.create() },
    ],
    ['useClass', { useClass: Config }],
    ['useExisting', { imports: [ConfigModule], useExisting: Config }],
  ])('%s sets the defaults; a decorator’s options override them', async (_what, options) => {
    @ConnectionHandler({ path: '/default' })
    class Default {
      onMessage() {
        return 'ok';
      }
    }
    @ConnectionHandler({ path: '/own', maxPayload: 100 })
    class Own extends Default {}
    const module = await Test.createTestingModule({
      imports: [FourDWebSocketModule.forRootAsync(options as never)],
      providers: [Default, Own],
    }).compile();
    const app = module.createNestApplication({ logger: false });
    const httpServer = (await app.init()).getHttpServer().listen(0);
    await once(httpServer, 'listening');
    const url = `ws://127.0.0.1:${httpServer.address().port}`;
    const message = 'x'.repeat(50);
    const byDefault = await connect(`${url}/default`);
    byDefault.send(message);
    expect((await byDefault.closed).code).toBe(1009);
    expect(await ask(await connect(`${url}/own`), message)).toBe('ok');
    await app.close();
  });
});
