import { Controller, Get } from '@nestjs/common';
import { HealthCheckService, HealthIndicatorService, TerminusModule } from '@nestjs/terminus';
import { ConnectionHandler, WebSocketServerRegistry, type WSMessageEvent } from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { connect } from '../support/client.js';

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
