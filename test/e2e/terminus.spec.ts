import { Controller, Get } from '@nestjs/common';
import { HealthCheckService, HealthIndicatorService, TerminusModule } from '@nestjs/terminus';
import {
  ConnectionHandler,
  WebSocketHealthIndicator,
  WebSocketServerRegistry,
  type WebSocketConnection,
  type WebSocketHealthOptions,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { connect } from '../support/client.js';
import { deferred } from '../support/deferred.js';
import { MemoryBroker } from '../support/memory-backplane.js';

afterEach(closeApps);

@ConnectionHandler({ path: '/ours' })
class Echo {
  onMessage(_ws: unknown, { data }: WSMessageEvent<string>) {
    return data;
  }
}

it('@nestjs/terminus reports connections, and draining', async () => {
  @Controller('health')
  class Health {
    constructor(
      private readonly health: HealthCheckService,
      private readonly servers: WebSocketServerRegistry,
      private readonly indicators: HealthIndicatorService,
    ) {}
    @Get()
    check() {
      return this.health.check([
        () => {
          const indicator = this.indicators.check('websocket');
          const server = this.servers.get('/ours');
          if (server === undefined || server.closing) return indicator.down('draining');
          return indicator.up({ connections: server.connections.length });
        },
      ]);
    }
  }
  const { url, wsUrl, app } = await startApp({
    imports: [TerminusModule],
    controllers: [Health],
    providers: [Echo],
  });
  await connect(`${wsUrl}/ours`);
  expect(await (await fetch(`${url}/health`)).json()).toMatchObject({
    status: 'ok',
    info: { websocket: { connections: 1 } },
  });
  const terminating = app.get(WebSocketServerRegistry).get('/ours')!.terminate();
  expect((await fetch(`${url}/health`)).status).toBe(503);
  await terminating;
});

describe('18.4 WebSocketHealthIndicator', () => {
  const hold = deferred<void>();

  @ConnectionHandler({ path: '/slow' })
  class Slow {
    async onMessage(ws: WebSocketConnection) {
      ws.send('begun');
      await hold.promise;
    }
  }

  async function serve(options: WebSocketHealthOptions) {
    @Controller('health')
    class Health {
      constructor(
        private readonly health: HealthCheckService,
        private readonly sockets: WebSocketHealthIndicator,
      ) {}
      @Get()
      check() {
        return this.health.check([() => this.sockets.isHealthy('sockets', options)]);
      }
    }
    const backplane = new MemoryBroker().create();
    const testApp = await startApp({
      imports: [TerminusModule],
      controllers: [Health],
      providers: [Slow],
      options: { backplane },
    });
    const check = async () => {
      const response = await fetch(`${testApp.url}/health`);
      const { details } = (await response.json()) as { details: { sockets: object } };
      return { status: response.status, ...details.sockets } as Record<string, unknown>;
    };
    return { ...testApp, backplane, check };
  }

  it('is up with its servers, and down while one closes', async () => {
    const { check, wsUrl, app } = await serve({});
    await connect(`${wsUrl}/slow`);
    expect(await check()).toEqual({
      status: 'up',
      connections: 1,
      queuedMessages: 0,
      unreadBytes: 0,
      backplane: 'up',
    });
    const terminating = app.get(WebSocketServerRegistry).get('/slow')!.terminate();
    expect(await check()).toMatchObject({ status: 'down', message: 'A server is closing' });
    await terminating;
  });

  it('is down without other instances, unless it may be', async () => {
    for (const needs of [true, false]) {
      const { check, backplane } = await serve({ backplane: needs });
      backplane.broker.fail();
      expect(await check()).toMatchObject(
        needs
          ? { status: 'down', backplane: 'down', message: 'Other instances can not be reached' }
          : { status: 'up', backplane: 'down' },
      );
    }
  });

  it('is down when more waits than may', async () => {
    const { check, wsUrl } = await serve({ maxQueuedMessages: 2 });
    const client = await connect(`${wsUrl}/slow`);
    for (let index = 0; index < 3; index++) client.send('wait');
    await client.next();
    expect(await check()).toMatchObject({ status: 'up', queuedMessages: 2 });
    client.send('wait');
    await client.sent('wait');
    while ((await check()).queuedMessages !== 4);
    expect(await check()).toMatchObject({
      status: 'down',
      message: '4 messages wait, maxQueuedMessages is 2',
    });
    hold.resolve();
  });
});
