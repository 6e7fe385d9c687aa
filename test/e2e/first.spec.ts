import { Injectable } from '@nestjs/common';
import { ConnectionHandler, WSSHandler, type WebSocketConnection, type WebSocketServer, type WSConnectionEvent, type WSMessageEvent } from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { connect, connectRefused } from '../support/client.js';

@Injectable()
class AuditService { seen: string[] = []; }

@ConnectionHandler()
class UppercaseHandler implements ConnectionHandler<string> {
  constructor(private readonly audit: AuditService) {}
  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
    this.audit.seen.push(data);
    ws.send(data.toUpperCase());
  }
}

@WSSHandler({ path: '/upper', dataType: 'text' })
class UppercaseServer implements WSSHandler {
  onConnection(_wss: WebSocketServer, { request }: WSConnectionEvent) {
    return request.query.key === 'letmein' ? UppercaseHandler : null;
  }
}
afterEach(closeApps);
for (const platform of ['express', 'fastify'] as const) {
  it(`works on ${platform}`, async () => {
    const { wsUrl } = await startApp({ platform, providers: [UppercaseServer, UppercaseHandler, AuditService] });
    const client = await connect(`${wsUrl}/upper?key=letmein`);
    client.send('hello');
    expect(await client.next()).toBe('HELLO');
    expect(await connectRefused(`${wsUrl}/upper`)).toMatchObject({ status: 403, json: { statusCode: 403 } });
    expect(await connectRefused(`${wsUrl}/other`)).toMatchObject({ status: 404 });
    await client.close();
  });
}
