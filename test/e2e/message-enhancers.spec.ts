/** Reference 11.2: what is around `onMessage`. */
import {
  CallHandler,
  Catch,
  createParamDecorator,
  Injectable,
  ParseIntPipe,
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
import { APP_FILTER } from '@nestjs/core';
import { ConnectedSocket, MessageBody } from '@nestjs/websockets';
import { BehaviorSubject, EMPTY, filter, interval, map, of, take, type Observable } from 'rxjs';
import {
  ConnectionHandler,
  WebSocketConnection,
  type WSErrorEvent,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { Inject } from '@nestjs/common';
import { closeApps, startApp } from '../support/app.js';
import { connect } from '../support/client.js';
import { JoinDto } from '../support/join-dto.js';
import { Recorder } from '../support/recorder.js';

afterEach(closeApps);

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

describe('6.1 the stream of an interceptor', () => {
  /** Serves clients behind an interceptor; the messages `empty`, `endless` and `silent` are answered by it alone. */
  async function serve() {
    const endless = new BehaviorSubject('first');
    const events = new Recorder();
    @Injectable()
    class Answers implements NestInterceptor {
      intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
        switch (context.switchToWs().getData<string>()) {
          case 'empty':
            return EMPTY;
          case 'filtered':
            return next.handle().pipe(filter(() => false));
          case 'endless':
            return endless;
          default:
            return next.handle();
        }
      }
    }
    @ConnectionHandler({ path: '/' })
    @UseInterceptors(Answers)
    class Handler {
      onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
        events.push(`handled ${data}`);
        return data;
      }
      onTerminate() {
        events.push('terminate');
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler] });
    return { endless, events, client: await connect(wsUrl) };
  }

  it('that ends without a value is the end of the message', async () => {
    const { client, events } = await serve();
    for (const message of ['empty', 'filtered', 'next']) client.send(message);
    expect(await client.next()).toBe('next');
    expect(events.order).toEqual(['handled filtered', 'handled next']);
    await client.close();
  });

  it('that goes on is waited for: each of its values is sent, and the next message is served when it ends', async () => {
    const { client, events, endless } = await serve();
    client.send('endless');
    client.send('next');
    expect(await client.next()).toBe('first');
    endless.next('second');
    expect(await client.next()).toBe('second');
    expect(events.order).toEqual([]);
    endless.complete();
    expect(await client.next()).toBe('next');
    await client.close();
  });

  it('that never ends, ends with its connection', async () => {
    const { client, events, endless } = await serve();
    client.send('endless');
    expect(await client.next()).toBe('first');
    await client.close();
    await events.next('terminate');
    expect(endless.observed).toBe(false);
  });
});
