/** Reference 11.1: what is around `onConnection`. */
import type { ServerResponse } from 'node:http';
import {
  CallHandler,
  Catch,
  Controller,
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
  type ArgumentsHost,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR, BaseExceptionFilter } from '@nestjs/core';
import cookieParser from 'cookie-parser';
import session from 'express-session';
import { map, of, tap } from 'rxjs';
import {
  ConnectionHandler,
  WebSocketServer,
  WSSHandler,
  type WSConnectionEvent,
  type WSErrorEvent,
} from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { connect, connectRefused } from '../support/client.js';
import { clientFrame, handshakeHead, openSocket } from '../support/raw-client.js';
import { Recorder } from '../support/recorder.js';
import { type Authenticated, bearer, Echo, TokenGuard } from '../support/token-guard.js';

afterEach(closeApps);

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
