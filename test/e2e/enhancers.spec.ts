import type { ServerResponse } from 'node:http';
import {
  CallHandler,
  Catch,
  Controller,
  createParamDecorator,
  ForbiddenException,
  Get,
  Headers,
  Injectable,
  Ip,
  Param,
  ParseIntPipe,
  Query,
  Req,
  Res,
  Scope,
  SetMetadata,
  UnauthorizedException,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  ValidationPipe,
  type ArgumentsHost,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import {
  APP_FILTER,
  APP_GUARD,
  APP_INTERCEPTOR,
  APP_PIPE,
  BaseExceptionFilter,
  Reflector,
} from '@nestjs/core';
import { ConnectedSocket, MessageBody } from '@nestjs/websockets';
import { IsInt, IsString } from 'class-validator';
import cookieParser from 'cookie-parser';
import session from 'express-session';
import { interval, map, of, take, tap } from 'rxjs';
import {
  CONNECTION,
  ConnectionHandler,
  OnMessage,
  WebSocketConnection,
  WebSocketServer,
  WSSHandler,
  type WSConnectionEvent,
  type WSErrorEvent,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { Inject } from '@nestjs/common';
import { closeApps, startApp } from '../support/app.js';
import { connect, connectRefused } from '../support/client.js';
import { clientFrame, handshakeHead, openSocket } from '../support/raw-client.js';
import { Recorder } from '../support/recorder.js';

afterEach(closeApps);

interface User {
  name: string;
}
type Authenticated = { user: User; headers: Record<string, string> };

/** A guard as people write it for controllers. */
@Injectable()
class TokenGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<Authenticated>();
    const token = request.headers.authorization?.replace('Bearer ', '');
    if (token === undefined) throw new UnauthorizedException('No token');
    request.user = { name: token };
    context
      .switchToHttp()
      .getResponse<{ header(name: string, value: string): void }>()
      .header('X-User', token);
    const role = this.reflector.getAllAndOverride<string>('role', [context.getHandler(), context.getClass()]);
    return role === undefined || role === token;
  }
}

@ConnectionHandler()
class Echo {
  onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
    return data;
  }
}

const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

describe.each(['express', 'fastify'] as const)(
  '11.1 the handshake through the pipeline, on %s',
  (platform) => {
    it('a guard written for controllers protects both: 401, 403, request.user, response headers, metadata', async () => {
      const users: unknown[] = [];
      @Controller('http')
      @UseGuards(TokenGuard)
      class Http {
        @Get()
        get(@Req() request: Authenticated) {
          return request.user;
        }
      }
      @WSSHandler('/')
      class Server {
        @UseGuards(TokenGuard)
        @SetMetadata('role', 'ada')
        onConnection(_wss: WebSocketServer, { request }: WSConnectionEvent) {
          users.push((request.raw as unknown as Authenticated).user);
          return Echo;
        }
      }
      const { wsUrl, url } = await startApp({ platform, controllers: [Http], providers: [Server, Echo] });
      expect(await (await fetch(`${url}/http`, bearer('ada'))).json()).toEqual({ name: 'ada' });
      expect((await fetch(`${url}/http`)).status).toBe(401);
      expect(await connectRefused(wsUrl)).toMatchObject({
        status: 401,
        json: { message: 'No token', error: 'Unauthorized', statusCode: 401 },
      });
      const forbidden = await connectRefused(wsUrl, bearer('eve'));
      expect(forbidden).toMatchObject({ status: 403, json: { message: 'Forbidden resource' } });
      expect(forbidden.headers['x-user']).toBe('eve');
      const client = await connect(wsUrl, bearer('ada'));
      client.send('x');
      expect(await client.next()).toBe('x');
      expect(users).toEqual([{ name: 'ada' }]);
    });

    it('parameters are bound with pipes; those without a decorator keep their meaning', async () => {
      const seen: unknown[] = [];
      @WSSHandler('/rooms/:id')
      class Server {
        onConnection(
          wss: WebSocketServer,
          event: WSConnectionEvent,
          @Param('id', ParseIntPipe) id: number,
          @Query('q') q: string,
          @Query() query: object,
          @Headers('X-Thing') header: string,
          @Ip() ip: string,
          @Req() request: object,
          @Res() response: { setHeader(name: string, value: string[]): void },
        ) {
          response.setHeader('Set-Cookie', ['a=1', 'b=2']);
          seen.push(
            wss instanceof WebSocketServer,
            event.type,
            id,
            q,
            { ...query },
            header,
            ip,
            request === event.request.raw,
          );
          return Echo;
        }
      }
      const { wsUrl } = await startApp({ platform, providers: [Server, Echo] });
      let cookies: unknown;
      const client = await connect(`${wsUrl}/rooms/12?q=x`, {
        headers: { 'X-Thing': 'thing' },
        finishRequest: (request) => {
          request.on('upgrade', (response) => (cookies = response.headers['set-cookie']));
          request.end();
        },
      });
      expect(seen).toEqual([true, 'connection', 12, 'x', { q: 'x' }, 'thing', '127.0.0.1', true]);
      expect(cookies).toEqual(['a=1', 'b=2']);
      await client.close();
      expect(await connectRefused(`${wsUrl}/rooms/twelve`)).toMatchObject({
        status: 400,
        json: { message: expect.stringMatching(/numeric/) },
      });
    });

    it('exception filters written for HTTP answer; what they leave is refused as usual', async () => {
      class Teapot extends Error {}
      @Catch(Teapot)
      class TeapotFilter implements ExceptionFilter {
        catch(_error: Teapot, host: ArgumentsHost) {
          const response = host
            .switchToHttp()
            .getResponse<{ status(code: number): { send(body: object): void } }>();
          response.status(418).send({ short: 'and stout' });
        }
      }
      @Catch()
      class CatchAll extends BaseExceptionFilter {
        override catch(error: unknown, host: ArgumentsHost) {
          super.catch(error instanceof RangeError ? new ForbiddenException('out of range') : error, host);
        }
      }
      @WSSHandler('/')
      class Server {
        @UseFilters(TeapotFilter)
        onConnection(_wss: WebSocketServer, { request }: WSConnectionEvent) {
          if (request.query.teapot) throw new Teapot();
          if (request.query.range) throw new RangeError();
          return Echo;
        }
      }
      const { wsUrl } = await startApp({
        platform,
        providers: [Server, Echo, { provide: APP_FILTER, useClass: CatchAll }],
      });
      expect(await connectRefused(`${wsUrl}/?teapot=1`)).toMatchObject({
        status: 418,
        json: { short: 'and stout' },
      });
      expect(await connectRefused(`${wsUrl}/?range=1`)).toMatchObject({
        status: 403,
        json: { message: 'out of range' },
      });
      await (await connect(wsUrl)).close();
    });
  },
);

describe('11.1 more of the handshake', () => {
  it('interceptors run around onConnection; one that wraps every result does not break the decision, another may decide', async () => {
    const order: string[] = [];
    @Injectable()
    class Wrapping implements NestInterceptor {
      intercept(_context: ExecutionContext, next: CallHandler) {
        order.push('before');
        return next.handle().pipe(
          map((data: unknown) => ({ data })),
          tap(() => order.push('after')),
        );
      }
    }
    @Injectable()
    class Deciding implements NestInterceptor {
      intercept(context: ExecutionContext, next: CallHandler) {
        return context.switchToHttp().getRequest<{ url: string }>().url.includes('no')
          ? of(null)
          : next.handle();
      }
    }
    @WSSHandler('/')
    class Server {
      @UseInterceptors(Deciding)
      onConnection() {
        return Echo;
      }
    }
    @WSSHandler('/none')
    class None {
      onConnection() {
        return null;
      }
    }
    const { wsUrl } = await startApp({
      providers: [Server, None, Echo, { provide: APP_INTERCEPTOR, useClass: Wrapping }],
    });
    await (await connect(wsUrl)).close();
    expect(order).toEqual(['before', 'after']);
    expect((await connectRefused(`${wsUrl}/none`)).status).toBe(403);
  });

  it('an interceptor’s null refuses', async () => {
    @Injectable()
    class Refusing implements NestInterceptor {
      intercept() {
        return of(null);
      }
    }
    @WSSHandler('/')
    @UseInterceptors(Refusing)
    class Server {
      onConnection() {
        return Echo;
      }
    }
    const { wsUrl } = await startApp({ providers: [Server, Echo] });
    expect((await connectRefused(wsUrl)).status).toBe(403);
  });

  it('an async guard that never answers: 503 after handshakeTimeout', async () => {
    @Injectable()
    class Never implements CanActivate {
      canActivate() {
        return new Promise<boolean>(() => undefined);
      }
    }
    @WSSHandler({ path: '/', handshakeTimeout: 30 })
    @UseGuards(Never)
    class Server {
      onConnection() {
        return Echo;
      }
    }
    const { wsUrl } = await startApp({ providers: [Server, Echo] });
    expect((await connectRefused(wsUrl)).status).toBe(503);
  });

  it('request-scoped guards, and request-scoped server handlers, are made for each handshake', async () => {
    let made = 0;
    @Injectable({ scope: Scope.REQUEST })
    class Scoped implements CanActivate {
      readonly number = ++made;
      canActivate(context: ExecutionContext) {
        context.switchToHttp().getRequest<{ number: number }>().number = this.number;
        return true;
      }
    }
    const numbers: number[] = [];
    @WSSHandler('/')
    @UseGuards(Scoped)
    class Server {
      onConnection(_wss: WebSocketServer, { request }: WSConnectionEvent) {
        numbers.push((request.raw as unknown as { number: number }).number);
        return Echo;
      }
    }
    const { wsUrl } = await startApp({ providers: [Server, Echo] });
    await (await connect(wsUrl)).close();
    await (await connect(wsUrl)).close();
    expect(numbers).toHaveLength(2);
    expect(new Set(numbers).size).toBe(2);
  });

  it('Connect-style middleware sees upgrade requests: cookies, sessions, an answer of its own', async () => {
    const seen: unknown[] = [];
    const sessions = session({ secret: 's', resave: false, saveUninitialized: true });
    @WSSHandler({
      path: '/',
      handshake: {
        use: [
          cookieParser(),
          sessions,
          (request, response, next) => {
            if (request.url === '/teapot') response.writeHead(418, { 'X-Tea': 'yes' }).end('short and stout');
            else if (request.url === '/broken') next(new Error('secret'));
            else if (request.url === '/denied')
              next(Object.assign(new Error('denied'), { status: 403, expose: true }));
            else next();
          },
        ],
      },
    })
    class Server {
      onConnection(_wss: WebSocketServer, { request }: WSConnectionEvent) {
        const { cookies, session: theirs } = request.raw as unknown as {
          cookies: object;
          session: { id: string };
        };
        seen.push({ ...cookies }, typeof theirs.id);
        return Echo;
      }
    }
    @ConnectionHandler()
    class Unused {
      onMessage() {}
    }
    const { wsUrl, app } = await startApp({ providers: [Server, Echo, Unused] });
    let setCookie: unknown;
    const client = await connect(wsUrl, {
      headers: { Cookie: 'flavour=vanilla' },
      finishRequest: (request) => {
        request.on('upgrade', (response) => (setCookie = response.headers['set-cookie']));
        request.end();
      },
    });
    expect(seen).toEqual([{ flavour: 'vanilla' }, 'string']);
    expect(setCookie).toEqual([expect.stringMatching(/^connect\.sid=/)]);
    await client.close();
    expect(app).toBeDefined();
  });

  it('middleware may refuse, fail, or answer', async () => {
    const errors = new Recorder();
    @WSSHandler({
      handshake: {
        use: [
          (request, response, next) => {
            if (request.url === '/teapot') response.writeHead(418, { 'X-Tea': 'yes' }).end('short and stout');
            else if (request.url === '/throws') throw new Error('secret');
            else if (request.url === '/broken') next(new Error('secret'));
            else if (request.url === '/denied')
              next(Object.assign(new Error('denied'), { status: 403, expose: true }));
            else next(new UnauthorizedException('who?'));
          },
        ],
      },
    })
    class Server {
      onConnection() {
        return Echo;
      }
      onError(_wss: WebSocketServer, event: WSErrorEvent) {
        errors.push('error', event.errors[0].message);
      }
    }
    const { wsUrl } = await startApp({ providers: [Server, Echo] });
    const teapot = await connectRefused(`${wsUrl}/teapot`);
    expect(teapot).toMatchObject({ status: 418, body: 'short and stout' });
    expect(teapot.headers['x-tea']).toBe('yes');
    expect(await connectRefused(`${wsUrl}/denied`)).toMatchObject({
      status: 403,
      json: { message: 'denied' },
    });
    expect(await connectRefused(`${wsUrl}/who`)).toMatchObject({ status: 401, json: { message: 'who?' } });
    for (const path of ['/broken', '/throws']) {
      const refused = await connectRefused(wsUrl + path);
      expect(refused.status).toBe(500);
      expect(refused.body).not.toContain('secret');
      expect(await errors.next('error')).toEqual(['secret']);
    }
  });
});

class JoinDto {
  @IsString() room!: string;
  @IsInt() seat!: number;
}

describe.each(['express', 'fastify'] as const)('11.2 messages through the pipeline, on %s', (platform) => {
  it('guards see the connection and the data; interceptors map what is sent back; parameters are bound and validated', async () => {
    const contexts: unknown[] = [];
    @Injectable()
    class MessageGuard implements CanActivate {
      canActivate(context: ExecutionContext) {
        const ws = context.switchToWs().getClient<WebSocketConnection>();
        const data = context.switchToWs().getData<{ room: string }>();
        contexts.push([
          context.getType(),
          ws instanceof WebSocketConnection,
          data,
          context.getClass().name,
          context.getHandler().name,
        ]);
        return data.room !== 'secret';
      }
    }
    @Injectable()
    class Envelope implements NestInterceptor {
      intercept(_context: ExecutionContext, next: CallHandler) {
        return next.handle().pipe(map((reply: unknown) => ({ reply })));
      }
    }
    const RoomName = createParamDecorator((_data: unknown, context: ExecutionContext) =>
      context.switchToWs().getData<JoinDto>().room.toUpperCase(),
    );
    const errors = new Recorder();
    @ConnectionHandler({ path: '/', dataType: 'object' })
    class Handler {
      private joined = 0;
      @UseGuards(MessageGuard)
      @UseInterceptors(Envelope)
      @UsePipes(new ValidationPipe({ transform: true }))
      onMessage(
        @ConnectedSocket() ws: WebSocketConnection,
        @MessageBody() body: JoinDto,
        @MessageBody('seat', ParseIntPipe) seat: number,
        @RoomName() name: string,
      ) {
        return {
          id: ws.id > 0,
          dto: body instanceof JoinDto || typeof body,
          seat,
          name,
          joined: ++this.joined,
        };
      }
      onError(_ws: WebSocketConnection, event: WSErrorEvent) {
        errors.push('error', event);
      }
    }
    const { wsUrl } = await startApp({ platform, providers: [Handler] });
    const client = await connect(wsUrl);
    client.send('{"room":"lobby","seat":3}');
    expect(JSON.parse(String(await client.next()))).toEqual({
      reply: { id: true, dto: true, seat: 3, name: 'LOBBY', joined: 1 },
    });
    expect(contexts[0]).toEqual(['ws', true, { room: 'lobby', seat: 3 }, 'Handler', 'onMessage']);
    client.send('{"room":"lobby","seat":"x"}');
    const [invalid] = (await errors.next('error')) as [WSErrorEvent];
    expect(invalid.errors[0]).toMatchObject({ errCode: 400, componentSignature: 'user' });
    client.send('{"room":"secret","seat":1}');
    const [denied] = (await errors.next('error')) as [WSErrorEvent];
    expect(denied.errors[0]).toMatchObject({ errCode: 403, message: 'Forbidden resource' });
    client.send('{"room":"lobby","seat":4}');
    expect(JSON.parse(String(await client.next())).reply.joined).toBe(2);
    const other = await connect(wsUrl);
    other.send('{"room":"lobby","seat":1}');
    expect(JSON.parse(String(await other.next())).reply.joined).toBe(1);
  });

  it('exception filters answer the client, the method’s before the class’s, none of the global; what they leave goes to onError', async () => {
    class MethodError extends Error {}
    class ClassError extends Error {}
    const filterFor = (type: new () => Error, name: string) => {
      @Catch(type)
      class Filter implements ExceptionFilter {
        catch(_error: Error, host: ArgumentsHost) {
          host
            .switchToWs()
            .getClient<WebSocketConnection>()
            .send({ caught: name, data: host.switchToWs().getData<string>() });
        }
      }
      return Filter;
    };
    @Catch(ClassError, MethodError)
    @Injectable()
    class Both implements ExceptionFilter {
      constructor(@Inject('NAME') private readonly name: string) {}
      async catch(_error: Error, host: ArgumentsHost) {
        host.switchToWs().getClient<WebSocketConnection>().send({ caught: this.name });
      }
    }
    const errors = new Recorder();
    @ConnectionHandler({ path: '/' })
    @UseFilters(Both)
    class Handler {
      @UseFilters(filterFor(MethodError, 'method'))
      onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
        if (data === 'method') throw new MethodError();
        if (data === 'class') return Promise.reject(new ClassError());
        if (data === 'stream') return throwLater(new ClassError());
        if (data === 'global') throw new RangeError('global');
        throw new Error('left over');
      }
      onError(_ws: WebSocketConnection, event: WSErrorEvent) {
        errors.push('error', event.errors[0].message);
      }
    }
    const throwLater = (error: Error) =>
      interval(1).pipe(
        take(3),
        map((value) => {
          if (value === 1) throw error;
          return String(value);
        }),
      );
    const { wsUrl } = await startApp({
      platform,
      providers: [
        Handler,
        { provide: 'NAME', useValue: 'both' },
        { provide: APP_FILTER, useClass: filterFor(RangeError as never, 'global') },
      ],
    });
    const client = await connect(wsUrl);
    const ask = async (data: string) => {
      client.send(data);
      return client.next();
    };
    expect(await ask('method')).toBe('{"caught":"method","data":"method"}');
    expect(await ask('class')).toBe('{"caught":"both"}');
    expect(await ask('stream')).toBe('0');
    expect(await client.next()).toBe('{"caught":"both"}');
    client.send('global');
    expect(await errors.next('error')).toEqual(['global']);
    client.send('other');
    expect(await errors.next('error')).toEqual(['left over']);
    expect(errors.order).toEqual(['error', 'error']);
  });

  it('a stream passes every value, under interceptors as well', async () => {
    @Injectable()
    class Numbering implements NestInterceptor {
      intercept(_context: ExecutionContext, next: CallHandler) {
        return next.handle().pipe(map((value: unknown, index) => `${index}:${String(value)}`));
      }
    }
    @ConnectionHandler({ path: '/' })
    class Handler {
      @UseInterceptors(Numbering)
      onMessage() {
        return of('a', 'b', 'c');
      }
    }
    const { wsUrl } = await startApp({ platform, providers: [Handler] });
    const client = await connect(wsUrl);
    client.send('x');
    expect(await client.take(3)).toEqual(['0:a', '1:b', '2:c']);
  });
});

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

describe('12.1 the error of a failed message', () => {
  it('carries the exception’s response: the details of a failed validation', async () => {
    const errors = new Recorder();
    @ConnectionHandler({ path: '/', dataType: 'object' })
    class Handler {
      @UsePipes(new ValidationPipe())
      onMessage(@MessageBody() _body: JoinDto) {}
      onError(_ws: WebSocketConnection, event: WSErrorEvent) {
        errors.push('error', event.errors[0]);
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler] });
    const client = await connect(wsUrl);
    client.send('{"room":1,"seat":"x"}');
    const [error] = await errors.next('error');
    expect(error).toMatchObject({
      errCode: 400,
      response: {
        statusCode: 400,
        message: expect.arrayContaining(['room must be a string', 'seat must be an integer number']),
      },
    });
  });
});

describe('11.1 headers of the 101', () => {
  function setAll(response: { setHeader(name: string, value: string | string[]): unknown }): void {
    response.setHeader('Connection', 'close');
    response.setHeader('Content-Length', '12');
    response.setHeader('Transfer-Encoding', 'chunked');
    response.setHeader('Upgrade', 'h2c');
    response.setHeader('Sec-WebSocket-Accept', 'nonsense');
    response.setHeader('Sec-WebSocket-Protocol', 'nonsense');
    response.setHeader('Sec-WebSocket-Extensions', 'nonsense');
    response.setHeader('X-Request-Id', '7');
    response.setHeader('Set-Cookie', ['a=1', 'b=2']);
  }

  it.each(['a guard', 'middleware'])(
    'those of the handshake itself are not %s’s to set; others are',
    async (who) => {
      const options = {
        path: '/',
        handshake: {
          use: [
            (_request: unknown, response: ServerResponse, next: () => void) => {
              if (who === 'middleware') setAll(response);
              next();
            },
          ],
        },
      };
      @WSSHandler(options)
      class Server {
        @UseGuards({
          canActivate: (context: ExecutionContext) => {
            if (who === 'a guard') setAll(context.switchToHttp().getResponse<ServerResponse>());
            return true;
          },
        })
        onConnection() {
          return Echo;
        }
      }
      const { port } = await startApp({ providers: [Server, Echo] });
      const client = await openSocket(port);
      client.write(handshakeHead());
      const lines = (await client.head()).split('\r\n');
      expect(lines[0]).toMatch(/^HTTP\/1.1 101 /);
      const values = (name: string) =>
        lines
          .filter((line) => line.toLowerCase().startsWith(`${name}:`))
          .map((line) => line.slice(name.length + 1).trim());
      expect(values('connection')).toEqual(['Upgrade']);
      expect(values('upgrade')).toEqual(['websocket']);
      expect(values('sec-websocket-accept')).toEqual(['s3pPLMBiTxaQ9kYGzzhZRbK+xOo=']);
      for (const name of [
        'content-length',
        'transfer-encoding',
        'sec-websocket-protocol',
        'sec-websocket-extensions',
      ]) {
        expect([name, values(name)]).toEqual([name, []]);
      }
      expect(values('x-request-id')).toEqual(['7']);
      expect(values('set-cookie')).toEqual(['a=1', 'b=2']);
      client.write(clientFrame(1, 'x'));
      expect((await client.frame()).payload.toString()).toBe('x');
      client.socket.destroy();
    },
  );
});

describe('dispatch by the kind of message', () => {
  async function serve(withRest: boolean) {
    const errors = new Recorder();
    class Base {
      @OnMessage('join')
      join(_ws: WebSocketConnection, { data }: WSMessageEvent<JoinDto>) {
        return { joined: data.room };
      }
      @OnMessage('leave')
      @UsePipes(new ValidationPipe({ transform: true }))
      leave(@MessageBody() body: JoinDto) {
        return { left: body.room };
      }
      onError(_ws: WebSocketConnection, event: WSErrorEvent) {
        errors.push('error', event.errors[0]);
      }
    }
    class Rest extends Base {
      @OnMessage()
      rest(_ws: WebSocketConnection, { data }: WSMessageEvent<unknown>) {
        return { rest: data };
      }
    }
    const Handler = withRest ? Rest : Base;
    ConnectionHandler({ path: '/', dataType: 'object', discriminator: 'type' })(Handler);
    const { wsUrl } = await startApp({ providers: [Handler] });
    const client = await connect(wsUrl);
    const ask = async (message: unknown) => {
      client.send(JSON.stringify(message));
      return JSON.parse(String(await client.next())) as unknown;
    };
    return { client, ask, errors };
  }

  it('each message goes to the method that names its kind, with its own validation; the rest to the rest', async () => {
    const { ask, client, errors } = await serve(true);
    expect(await ask({ type: 'join', room: 'a' })).toEqual({ joined: 'a' });
    expect(await ask({ type: 'leave', room: 'a', seat: 1 })).toEqual({ left: 'a' });
    client.send('{"type":"leave"}');
    expect((await errors.next('error'))[0]).toMatchObject({ errCode: 400 });
    expect(await ask({ type: 'other' })).toEqual({ rest: { type: 'other' } });
    expect(await ask(['join'])).toEqual({ rest: ['join'] });
    expect(await ask(null)).toEqual({ rest: null });
    expect(await ask({ type: 'constructor' })).toEqual({ rest: { type: 'constructor' } });
  });

  it('a discriminator behind a server that is not object: the client is refused, onError names the remedy', async () => {
    const errors = new Recorder();
    @ConnectionHandler({ discriminator: 'type' })
    class Kinds {
      @OnMessage('join')
      join() {}
    }
    @WSSHandler('/')
    class Server {
      onConnection() {
        return Kinds;
      }
      onError(_wss: WebSocketServer, event: WSErrorEvent) {
        errors.push('error', event.errors[0].message);
      }
    }
    const { wsUrl } = await startApp({ providers: [Server, Kinds] });
    expect((await connectRefused(wsUrl)).status).toBe(500);
    expect((await errors.next('error'))[0]).toMatch(
      /a class that can not serve: Kinds: a discriminator .*dataType to 'object'/,
    );
  });

  it('no method for a kind and no rest: onError', async () => {
    const { ask, client, errors } = await serve(false);
    for (const message of ['{"type":"other"}', '12', '{}']) {
      client.send(message);
      expect((await errors.next('error'))[0]).toMatchObject({
        componentSignature: 'json',
        message: expect.stringMatching(/^No @OnMessage\(\) serves messages whose "type" is/),
      });
    }
    expect(await ask({ type: 'join', room: 'a' })).toEqual({ joined: 'a' });
  });
});
