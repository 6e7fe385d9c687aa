/** Reference 11: enhancers and handlers that Nest made for a request, for all, or not at all. */
import {
  CallHandler,
  Injectable,
  Scope,
  UseGuards,
  UseInterceptors,
  ValidationPipe,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_GUARD, APP_PIPE } from '@nestjs/core';
import { MessageBody } from '@nestjs/websockets';
import { map } from 'rxjs';
import {
  CONNECTION,
  ConnectionHandler,
  WebSocketConnection,
  WebSocketServer,
  WSSHandler,
  type WSErrorEvent,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { Inject } from '@nestjs/common';
import { closeApps, startApp } from '../support/app.js';
import { connect, connectRefused } from '../support/client.js';
import { JoinDto } from '../support/join-dto.js';
import { Recorder } from '../support/recorder.js';
import { Echo, TokenGuard } from '../support/token-guard.js';

afterEach(closeApps);

describe('11.2 scopes', () => {
  it('request-scoped enhancers of messages live as long as the connection; global ones too', async () => {
    let made = 0;
    @Injectable({ scope: Scope.REQUEST })
    class Counting implements CanActivate {
      private readonly number = ++made;
      private calls = 0;
      constructor(@Inject(CONNECTION) private readonly ws: WebSocketConnection | undefined) {}
      canActivate(context: ExecutionContext) {
        if (context.getType() !== 'ws') return true;
        const ws = context.switchToWs().getClient<WebSocketConnection>();
        ws.send(`guard ${this.number}, call ${++this.calls}, ${this.ws === ws}`);
        return true;
      }
    }
    @ConnectionHandler({ path: '/own' })
    @UseGuards(Counting)
    class Own {
      onMessage() {
        return 'reply';
      }
    }
    @ConnectionHandler({ path: '/global' })
    class Global extends Own {}
    const own = await startApp({ providers: [Own] });
    const client = await connect(`${own.wsUrl}/own`);
    client.send('x');
    client.send('x');
    const replies = await client.take(4);
    const number = /guard (\d+)/.exec(String(replies[0]))![1];
    expect(replies).toEqual([
      `guard ${number}, call 1, true`,
      'reply',
      `guard ${number}, call 2, true`,
      'reply',
    ]);
    const second = await connect(`${own.wsUrl}/own`);
    second.send('x');
    expect(String(await second.next())).not.toContain(`guard ${number},`);

    @ConnectionHandler({ path: '/global' })
    class WithGlobal {
      onMessage() {
        return 'reply';
      }
    }
    expect(Global).toBeDefined();
    const global = await startApp({ providers: [WithGlobal, { provide: APP_GUARD, useClass: Counting }] });
    const third = await connect(`${global.wsUrl}/global`);
    third.send('x');
    expect(String(await third.next())).toMatch(/guard \d+, call 1, true/);
    expect(await third.next()).toBe('reply');
  });

  it('global guards, pipes and interceptors of the application apply, as to a gateway', async () => {
    const calls: string[] = [];
    @Injectable()
    class Guard implements CanActivate {
      canActivate(context: ExecutionContext) {
        calls.push(`guard ${context.getType()}`);
        return true;
      }
    }
    @ConnectionHandler({ path: '/', dataType: 'object' })
    class Handler {
      onMessage(@MessageBody() body: JoinDto) {
        return { valid: body instanceof JoinDto };
      }
    }
    const { wsUrl } = await startApp({
      providers: [Handler, { provide: APP_PIPE, useValue: new ValidationPipe({ transform: true }) }],
      configure: (app) => app.useGlobalGuards(new Guard()),
    });
    const client = await connect(wsUrl);
    client.send('{"room":"x","seat":1}');
    expect(await client.next()).toBe('{"valid":true}');
    expect(calls).toEqual(['guard ws']);
  });

  it('an object whose class has guards but is no provider is refused, not served unguarded', async () => {
    const errors = new Recorder();
    class Unprovided {
      @UseGuards(TokenGuard)
      onMessage() {
        return 'unguarded';
      }
    }
    @WSSHandler('/')
    class Server {
      onConnection() {
        return new Unprovided();
      }
      onError(_wss: WebSocketServer, event: WSErrorEvent) {
        errors.push('error', event.errors[0].message);
      }
    }
    const { wsUrl } = await startApp({ providers: [Server] });
    expect((await connectRefused(wsUrl)).status).toBe(500);
    expect((await errors.next('error'))[0]).toMatch(
      /Unprovided: Nest has no instance of TokenGuard.*add Unprovided to the providers/,
    );
  });
});

describe('11 enhancers of handlers that Nest did not make, or knows by another token', () => {
  const refuseAll: CanActivate = { canActivate: () => false };

  it.each(['useFactory', 'useValue'])('instances of guards and interceptors work, with %s', async (how) => {
    const errors = new Recorder();
    const shouting: NestInterceptor = {
      intercept: (_context, next: CallHandler) => next.handle().pipe(map((reply) => `${String(reply)}!`)),
    };
    @ConnectionHandler({ path: '/chat' })
    @UseInterceptors(shouting)
    class Chat {
      @UseGuards({
        canActivate: (context: ExecutionContext) => context.switchToWs().getData<unknown>() !== 'secret',
      })
      onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
        return data;
      }
      onError(_ws: WebSocketConnection, event: WSErrorEvent) {
        errors.push('error', event.errors[0].errCode);
      }
    }
    @WSSHandler('/closed')
    @UseGuards(refuseAll)
    class Closed {
      onConnection() {
        return Echo;
      }
    }
    const provided = (type: new () => object) =>
      how === 'useFactory'
        ? { provide: type, useFactory: () => new type() }
        : { provide: type, useValue: new type() };
    const { wsUrl } = await startApp({ providers: [provided(Chat), provided(Closed), Echo] });
    expect((await connectRefused(`${wsUrl}/closed`)).status).toBe(403);
    const client = await connect(`${wsUrl}/chat`);
    client.send('secret');
    client.send('x');
    expect(await client.next()).toBe('x!');
    expect(await errors.next('error')).toEqual([403]);
  });

  it('a handler under another token: the guard of its class runs', async () => {
    const errors = new Recorder();
    @Injectable()
    class Password implements CanActivate {
      canActivate(context: ExecutionContext) {
        return context.getType() !== 'ws' || context.switchToWs().getData<unknown>() === 'password';
      }
    }
    @ConnectionHandler({ path: '/' })
    @UseGuards(Password)
    class Chat {
      onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
        return data;
      }
      onError(_ws: WebSocketConnection, event: WSErrorEvent) {
        errors.push('error', event.errors[0].errCode);
      }
    }
    const { wsUrl } = await startApp({ providers: [{ provide: 'CHAT', useClass: Chat }] });
    const client = await connect(wsUrl);
    client.send('let me in');
    client.send('password');
    expect(await client.next()).toBe('password');
    expect(await errors.next('error')).toEqual([403]);
  });
});
