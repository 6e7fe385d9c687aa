import {
  Catch,
  UnauthorizedException,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common';
import { map } from 'rxjs';
import { WebSocketConnection, type WSErrorEvent } from 'nestjs-4d-websocket';
import { Recorder } from '../../support/recorder.js';
import { startWay, type WayApp, type WayServer } from '../../support/ways/way-app.js';
import { WAYS, WAYS_WITH_SERVER_HANDLER } from '../../support/ways/ways.js';

type Request = { url: string; user?: string };

/** A guard as people write it for controllers. */
class TokenGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    const request = context.switchToHttp().getRequest<Request>();
    if (context.getType() !== 'http') throw new Error(`the context is ${context.getType()}`);
    const token = new URL(request.url, 'http://localhost').searchParams.get('token');
    if (token === 'missing') throw new UnauthorizedException('Who are you?');
    request.user = `user ${token}`;
    return token !== 'wrong';
  }
}

const HANDSHAKES: Record<string, WayServer> = {
  '/method': { onConnection: [UseGuards(new TokenGuard())] },
  '/class': { onServerClass: [UseGuards(new TokenGuard())] },
};

describe.each(WAYS_WITH_SERVER_HANDLER)('11.1 handshakes: $name', (way) => {
  let app: WayApp;
  beforeAll(async () => {
    app = await startWay(way, HANDSHAKES);
  });
  afterAll(() => app.close());

  it.each(Object.keys(HANDSHAKES))(
    'a guard of the %s: no is 403, UnauthorizedException 401, what it set is on ws.request.raw',
    async (path) => {
      let asked = 0;
      const served = app.serve(
        {
          onConnection: () => asked++,
          onMessage: (ws) => (ws.request.raw as Request).user,
        },
        path,
      );
      expect(await served.refused('&token=wrong')).toMatchObject({
        status: 403,
        json: { statusCode: 403, message: 'Forbidden resource', error: 'Forbidden' },
      });
      expect(await served.refused('&token=missing')).toMatchObject({
        status: 401,
        json: { statusCode: 401, message: 'Who are you?', error: 'Unauthorized' },
      });
      expect(asked).toBe(0);
      const client = await served.connect('&token=right');
      client.send('who am I');
      expect(await client.next()).toBe('user right');
      expect(asked).toBe(1);
      await client.close();
    },
  );
});

let seen: Recorder;
beforeEach(() => {
  seen = new Recorder();
});

function see(by: string, context: ExecutionContext | ArgumentsHost) {
  const ws = context.switchToWs();
  seen.push(by, context.getType(), ws.getClient(), ws.getData());
}

class MessageGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    see('guard', context);
    return context.switchToWs().getData() !== 'refused';
  }
}

class Envelope implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler) {
    see('interceptor', context);
    return next.handle().pipe(map((reply: unknown) => ({ reply })));
  }
}

class UpperCase implements PipeTransform {
  transform(value: unknown) {
    seen.push('pipe', value);
    return typeof value === 'string' ? value.toUpperCase() : value;
  }
}

@Catch(RangeError)
class RangeFilter implements ExceptionFilter {
  catch(error: RangeError, host: ArgumentsHost) {
    see('filter', host);
    host.switchToWs().getClient<WebSocketConnection>().send({ caught: error.message });
  }
}

const ENHANCERS = [UseGuards(new MessageGuard()), UseInterceptors(new Envelope()), UsePipes(new UpperCase())];
// The way's own filter may stand on the method, and would be asked before one of the class.
const FILTER = UseFilters(new RangeFilter());
const MESSAGES: Record<string, WayServer> = {
  '/method': { onMessage: [...ENHANCERS, FILTER] },
  '/class': { onHandlerClass: ENHANCERS, onMessage: [FILTER] },
};

// An object that onConnection made itself is none of Nest's: see enhancers-without-instance.spec.ts.
describe.each(WAYS.filter(({ object }) => !object))('11.2 messages: $name', (way) => {
  let app: WayApp;
  beforeAll(async () => {
    app = await startWay(way, MESSAGES);
  });
  afterAll(() => app.close());

  it.each(Object.keys(MESSAGES))(
    'enhancers of the %s see the connection and the data, map replies, refuse and catch',
    async (path) => {
      const events = new Recorder();
      const client = await app
        .serve(
          {
            onOpen: (ws) => events.push('open', ws),
            onMessage(_ws, data) {
              events.push('message', data);
              if (data.toLowerCase() === 'range') throw new RangeError('out of range');
              return data;
            },
            onError: (_ws, event: WSErrorEvent) => events.push('error', event.errors[0]),
          },
          path,
        )
        .connect();
      const [ws] = (await events.next('open')) as [WebSocketConnection];
      expect(ws).toBeInstanceOf(WebSocketConnection);
      const piped = (text: string) => (way.form?.bound ? text.toUpperCase() : text);
      const expectSeen = async (by: string, data: string) => {
        const [type, connection, theirs] = await seen.next(by);
        expect([by, type, connection === ws, theirs]).toEqual([by, 'ws', true, data]);
      };

      client.send('hello');
      expect(await client.next()).toBe(JSON.stringify({ reply: piped('hello') }));
      await expectSeen('guard', 'hello');
      await expectSeen('interceptor', 'hello');

      client.send('refused');
      expect(await events.next('error')).toEqual([
        expect.objectContaining({ errCode: 403, componentSignature: 'user', message: 'Forbidden resource' }),
      ]);
      await expectSeen('guard', 'refused');

      client.send('range');
      expect(await client.next()).toBe('{"caught":"out of range"}');
      await expectSeen('guard', 'range');
      await expectSeen('interceptor', 'range');
      await expectSeen('filter', 'range');

      expect(events.unread('message')).toEqual([[piped('hello')], [piped('range')]]);
      expect(client.unread).toEqual([]);
      await client.close();
    },
  );
});
