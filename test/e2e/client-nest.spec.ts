/** The client and this package's server: both ends of a conversation, and of its end. */
import {
  type CanActivate,
  type ExecutionContext,
  Injectable,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import {
  ConnectionHandler,
  WSSHandler,
  type WebSocketConnection,
  type WebSocketServer,
  type WSConnectionEvent,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { FourDWebSocket } from 'nestjs-4d-websocket/client';
import { startApp, type TestApp } from '../support/app.js';
import { ClientLog } from '../support/client-log.js';

@ConnectionHandler({ path: '/sum', dataType: 'object' })
class SumHandler implements ConnectionHandler<number[]> {
  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<number[]>) {
    ws.send({ sum: data.reduce((sum, value) => sum + value, 0) });
  }
}

@Injectable()
class TokenGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
    if (headers.authorization !== 'Bearer letmein') throw new UnauthorizedException();
    return true;
  }
}

@WSSHandler({ path: '/guarded', dataType: 'object' })
class GuardedServer implements WSSHandler {
  @UseGuards(TokenGuard)
  onConnection(_wss: WebSocketServer, _event: WSConnectionEvent) {
    return new SumHandler();
  }
}

let app: TestApp;
beforeEach(async () => {
  app = await startApp({ providers: [SumHandler, GuardedServer, TokenGuard] });
});
afterEach(() => app.close());

it('objects go both ways', async () => {
  const log = new ClientLog();
  const ws = new FourDWebSocket(`${app.url}/sum`, { ...log.hooks, dataType: 'object' });
  ws.send([1, 2, 3]);
  expect(await log.nth('message')).toMatchObject({ data: { sum: 6 } });
  ws.terminate(4000, 'enough');
  expect(await log.nth('terminate')).toMatchObject({ code: 4000 });
});

it('a refusal of a guard ends the client, after one more token; a token that is good lets it in', async () => {
  const tokens = ['expired', 'letmein'];
  const log = new ClientLog();
  const ws = new FourDWebSocket(
    `${app.wsUrl}/guarded`,
    { ...log.hooks, dataType: 'object' },
    { token: () => tokens.shift(), reconnect: { minDelay: 1, maxDelay: 5 } },
  );
  ws.send([2, 2]);
  expect(await log.nth('message')).toMatchObject({ data: { sum: 4 } });
  expect(log.types).toEqual(['disconnect', 'open', 'message']);
  expect(log.all('disconnect')[0]).toMatchObject({ code: 4401, reason: 'Unauthorized' });
  ws.terminate();
  await log.nth('terminate');
});

it('a server that shuts down is waited for', async () => {
  const log = new ClientLog();
  const ws = new FourDWebSocket(`${app.url}/sum`, { ...log.hooks, dataType: 'object' });
  await log.nth('open');
  await app.close();
  expect(await log.nth('disconnect')).toMatchObject({ code: 1001, attempt: 1 });
  expect(ws.status).toBe('Connecting');
  ws.terminate();
  await log.nth('terminate');
});
