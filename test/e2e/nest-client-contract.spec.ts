/** A client in Nest with a contract (reference 15.7, 17): what the server says and asks, through Nest's enhancers. */
import {
  BadRequestException,
  Catch,
  ConflictException,
  ForbiddenException,
  Injectable,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type INestApplicationContext,
  type NestInterceptor,
  type PipeTransform,
  type Type,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { ConnectedSocket, MessageBody } from '@nestjs/websockets';
import {
  ConnectionHandler,
  InvalidHandlerError,
  InvalidOptionError,
  OnOpen,
  Signal,
  WebSocketClient,
  WebSocketClientModule,
  WebSocketClients,
  type ConnectionOf,
  type WebSocketClientOptions,
} from 'nestjs-4d-websocket';
import type { ClientErrorEvent, FourDWebSocket } from 'nestjs-4d-websocket/client';
import { defineContract, RpcError } from 'nestjs-4d-websocket/contract';
import { map, of, type Observable } from 'rxjs';
import { z } from 'zod';
import { closeApps, startApp } from '../support/app.js';
import { deferred } from '../support/deferred.js';
import { within } from '../support/patience.js';
import { Recorder } from '../support/recorder.js';

const text = z.object({ text: z.string() });
const desk = defineContract({
  receives: { note: text },
  sends: { said: text, bell: z.number() },
  calls: { double: { request: z.number(), response: z.number() } },
  streams: { count: { request: z.object({ to: z.number() }), item: z.number() } },
  asks: {
    confirm: { request: text, response: z.any() },
    total: { request: z.number(), response: z.number() },
  },
});
type Desk = typeof desk;
type Client = FourDWebSocket<unknown, Desk>;

let log: Recorder;
let url: string;
let connection: ConnectionOf<Desk>;
const apps: INestApplicationContext[] = [];

@ConnectionHandler({ path: '/desk', contract: desk })
class DeskHandler {
  onOpen(ws: ConnectionOf<Desk>) {
    log.push('connected', ws);
  }
  note(_ws: unknown, data: { text: string }) {
    log.push('note', data.text);
  }
  double(_ws: unknown, value: number) {
    if (value < 0) throw new ForbiddenException('too little');
    return 2 * value;
  }
  async *count(_ws: unknown, { to }: { to: number }) {
    for (let n = 1; n <= to; n++) yield n;
  }
}

beforeEach(async () => {
  log = new Recorder();
  url = `${(await startApp({ providers: [DeskHandler] })).wsUrl}/desk`;
});
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
  await closeApps();
});

async function compile(provider: Type<object>, options: WebSocketClientOptions, providers: Type[] = []) {
  const { connect: _connect, discriminator: _discriminator, contract: _contract, ...defaults } = options;
  const testing = await Test.createTestingModule({
    imports: [WebSocketClientModule.forRoot({ url, ...defaults, clients: { [provider.name]: options } })],
    providers: [provider, ...providers],
  }).compile();
  testing.useLogger(false);
  return testing;
}

/** Starts an application with this client, and waits until it is connected. */
async function start(provider: Type<object>, ...providers: Type[]): Promise<Client> {
  const app = await compile(provider, {}, providers);
  await app.init();
  apps.push(app);
  [connection] = (await within(log.next('connected'))) as [ConnectionOf<Desk>];
  return app.get(WebSocketClients).get(provider) as unknown as Client;
}

async function startError(provider: Type<object>, options: WebSocketClientOptions = {}): Promise<Error> {
  const app = await compile(provider, options);
  try {
    await app.init();
  } catch (error) {
    return error as Error;
  } finally {
    // Nest 11 fails to close what failed to start.
    await app.close().catch(() => undefined);
  }
  throw new Error('the application started');
}

/** A client's methods, for those that need one to do something else. */
class Methods {
  said(_ws: Client, data: { text: string }): unknown {
    return void log.push('said', data.text);
  }
  bell(_ws: Client, data: number): unknown {
    return void log.push('bell', data);
  }
  confirm(_ws: Client, data: { text: string }): unknown {
    return data.text === 'sure?';
  }
  total(_ws: Client, data: number): unknown {
    return data + 1;
  }
  onError(_ws: Client, { errors: [error] }: ClientErrorEvent) {
    log.push('error', error);
  }
}

const ask = (question: string) => within(connection.call(desk.confirm({ text: question })));

describe('a provider with a contract', () => {
  it('is told, asked, and calls and reads itself', async () => {
    @Injectable()
    class Answers {
      of(question: string) {
        return question === 'sure?';
      }
    }
    @WebSocketClient({ contract: desk })
    class DeskClient extends Methods {
      constructor(private readonly answers: Answers) {
        super();
      }
      async onOpen(ws: Client) {
        ws.send(desk.note({ text: 'opened' }));
        log.push('doubled', await ws.call(desk.double(4)));
      }
      override confirm(_ws: Client, { text: question }: { text: string }) {
        return this.answers.of(question);
      }
    }
    const ws = await start(DeskClient, Answers);
    expect(await within(log.next('note'))).toEqual(['opened']);
    expect(await within(log.next('doubled'))).toEqual([8]);
    connection.send(desk.said({ text: 'hello' }));
    connection.send(desk.bell(7));
    expect(await within(log.next('said'))).toEqual(['hello']);
    expect(await within(log.next('bell'))).toEqual([7]);
    expect([await ask('sure?'), await ask('really?')]).toEqual([true, false]);
    expect(await within(connection.call(desk.total(1)))).toBe(2);
    expect(await within(ws.call(desk.double(21)))).toBe(42);
    await expect(within(ws.call(desk.double(-1)))).rejects.toMatchObject({
      code: 403,
      message: 'too little',
    });
    const items: number[] = [];
    for await (const item of ws.stream(desk.count({ to: 200 }))) items.push(item);
    expect(items).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
    expect(log.unread('error')).toEqual([]);
  });

  it('calls from the method that it is told with, and from the one that it is asked with', async () => {
    @WebSocketClient({ contract: desk })
    class Busy extends Methods {
      override async said(ws: Client, { text: value }: { text: string }) {
        log.push('doubled', await ws.call(desk.double(Number(value))));
      }
      override async total(ws: Client, to: number) {
        let sum = 0;
        for await (const item of ws.stream(desk.count({ to }))) sum += item;
        return sum;
      }
    }
    await start(Busy);
    connection.send(desk.said({ text: '5' }));
    expect(await within(log.next('doubled'))).toEqual([10]);
    expect(await within(connection.call(desk.total(100)))).toBe(5050);
  });

  it('made for each client: what is request-scoped', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Own {
      asked = 0;
    }
    @WebSocketClient({ contract: desk })
    class Scoped extends Methods {
      constructor(private readonly own: Own) {
        super();
      }
      override total() {
        return ++this.own.asked;
      }
    }
    await start(Scoped, Own);
    expect(await within(connection.call(desk.total(0)))).toBe(1);
    expect(await within(connection.call(desk.total(0)))).toBe(2);
  });
});

describe('the answer to an ask that fails', () => {
  @WebSocketClient({ contract: desk })
  class Failing extends Methods {
    override confirm(_ws: Client, { text: kind }: { text: string }): unknown {
      if (kind === 'http') throw new ConflictException('taken');
      if (kind === 'object') throw new BadRequestException({ field: 'name', why: 'too short' });
      if (kind === 'rpc') throw new RpcError(17, 'mine', { a: 1 });
      if (kind === 'other') throw new Error('secret');
      return kind;
    }
  }

  it('has the status of an HttpException, the code of an RpcError, and nothing of anything else', async () => {
    await start(Failing);
    await expect(ask('http')).rejects.toMatchObject({ name: 'RpcError', code: 409, message: 'taken' });
    await expect(ask('object')).rejects.toMatchObject({
      code: 400,
      data: { field: 'name', why: 'too short' },
    });
    await expect(ask('rpc')).rejects.toEqual(new RpcError(17, 'mine', { a: 1 }));
    expect(log.unread('error')).toEqual([]);
    await expect(ask('other')).rejects.toMatchObject({ code: -32603, message: 'Internal error' });
    expect(await within(log.next('error'))).toEqual([expect.objectContaining({ message: 'secret' })]);
    expect(await ask('still here')).toBe('still here');
  });

  it('says so where what the server asks does not fit', async () => {
    await start(Failing);
    await expect(within(connection.call(desk.total('x' as never)))).rejects.toMatchObject({ code: -32602 });
    connection.send(desk.bell('x' as never));
    expect(await within(log.next('error'))).toEqual([expect.objectContaining({ errCode: 400 })]);
    expect(log.unread('bell')).toEqual([]);
  });
});

describe('around its methods', () => {
  @Injectable()
  class Polite implements CanActivate {
    canActivate(context: ExecutionContext) {
      const host = context.switchToWs();
      log.push('guard', host.getPattern(), host.getData(), host.getClient(), context.getHandler().name);
      return host.getData<{ text?: string }>().text !== 'rude';
    }
  }
  @Injectable()
  class Loud implements NestInterceptor {
    intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
      return next.handle().pipe(map((value) => (typeof value === 'string' ? value.toUpperCase() : value)));
    }
  }
  @Injectable()
  class Trim implements PipeTransform {
    transform(value: unknown) {
      const { text: words } = value as { text: string };
      if (words === 'empty') throw new BadRequestException('nothing in it');
      return { text: words.trim() };
    }
  }
  @Catch(ConflictException)
  class Taken implements ExceptionFilter {
    catch(exception: ConflictException, host: ArgumentsHost) {
      log.push('filter', exception.message, host.switchToWs().getPattern());
      if (exception.message === 'other status') throw new ForbiddenException('as the filter says');
    }
  }

  @WebSocketClient({ contract: desk })
  @UseGuards(Polite)
  @UseFilters(Taken)
  class Guarded extends Methods {
    @UseInterceptors(Loud)
    @UsePipes(Trim)
    override confirm(@ConnectedSocket() _ws: any, @MessageBody() { text: question }: any): unknown {
      if (question === 'taken' || question === 'other status') throw new ConflictException(question);
      return of(question);
    }
    @UsePipes(Trim)
    override said(@ConnectedSocket() _ws: any, @MessageBody() { text: message }: any): unknown {
      if (message === 'taken') throw new ConflictException('told');
      return void log.push('said', message);
    }
  }
  const providers = [Polite, Loud, Trim, Taken] as Type[];

  it('are guards, pipes and interceptors, which see the client, the data and the name', async () => {
    const ws = await start(Guarded, ...providers);
    expect(await ask('  quiet ')).toBe('QUIET');
    expect(await within(log.next('guard'))).toEqual(['confirm', { text: '  quiet ' }, ws, 'confirm']);
    await expect(ask('rude')).rejects.toMatchObject({ code: 403, message: 'Forbidden resource' });
    await expect(ask('empty')).rejects.toMatchObject({ code: 400, message: 'nothing in it' });
    connection.send(desk.said({ text: '  hi ' }));
    expect(await within(log.next('said'))).toEqual(['hi']);
    expect(log.unread('error')).toEqual([]);
  });

  it('are filters: what one takes is not for onError; an HttpException that it throws is the answer', async () => {
    await start(Guarded, ...providers);
    await expect(ask('taken')).rejects.toMatchObject({ code: 409, message: 'taken' });
    expect(await within(log.next('filter'))).toEqual(['taken', 'confirm']);
    await expect(ask('other status')).rejects.toMatchObject({ code: 403, message: 'as the filter says' });
    expect(await within(log.next('filter'))).toEqual(['other status', 'confirm']);
    connection.send(desk.said({ text: 'taken' }));
    expect(await within(log.next('filter'))).toEqual(['told', 'said']);
    expect(log.unread('error')).toEqual([]);
  });

  it('a message that a guard refuses goes to onError', async () => {
    await start(Guarded, ...providers);
    connection.send(desk.said({ text: 'rude' }));
    expect(await within(log.next('error'))).toEqual([
      expect.objectContaining({ message: expect.stringContaining('Forbidden resource') }),
    ]);
    expect(log.unread('said')).toEqual([]);
  });

  it('are bound parameters, and @Signal(), which fires when the connection is lost', async () => {
    const asked = deferred<AbortSignal>();
    @WebSocketClient({ contract: desk, reconnect: false })
    class Bound {
      @OnOpen()
      opened() {
        log.push('opened');
      }
      said(@MessageBody('text', Trimmed) message: any, @ConnectedSocket() ws: any) {
        log.push('said', message, ws);
      }
      bell(@Signal() signal: any) {
        log.push('bell', signal);
      }
      async confirm(@Signal() signal: any, @MessageBody('text') question: any) {
        if (question !== 'wait') return `${question} ${signal.aborted}`;
        asked.resolve(signal as AbortSignal);
        await new Promise((resolve) => (signal as AbortSignal).addEventListener('abort', resolve));
        log.push('given up');
        return '';
      }
      total() {
        return 0;
      }
    }
    const ws = await start(Bound);
    await within(log.next('opened'));
    connection.send(desk.said({ text: ' hi ' }));
    expect(await within(log.next('said'))).toEqual(['hi', ws]);
    connection.send(desk.bell(1));
    expect(await within(log.next('bell'))).toEqual([expect.any(AbortSignal)]);
    expect(await ask('sure?')).toBe('sure? false');
    const waiting = ask('wait');
    waiting.catch(() => undefined);
    expect((await within(asked.promise)).aborted).toBe(false);
    connection.terminate();
    await within(log.next('given up'));
    await expect(waiting).rejects.toMatchObject({ name: 'ConnectionLostError' });
  });

  class Trimmed implements PipeTransform {
    transform(value: string) {
      return value.trim();
    }
  }
});

describe('a start-up error is', () => {
  it('a method that is missing', async () => {
    @WebSocketClient({ contract: desk })
    class Lacking {
      said() {}
      confirm() {}
    }
    const error = await startError(Lacking);
    expect(error).toBeInstanceOf(InvalidHandlerError);
    expect(error.message).toContain('Lacking');
    expect(error.message).toContain('its contract asks for bell() (sends), total() (asks)');
  });

  it('an onMessage that no message reaches', async () => {
    @WebSocketClient({ contract: desk })
    class Both extends Methods {
      onMessage() {}
    }
    const error = await startError(Both);
    expect(error).toBeInstanceOf(InvalidHandlerError);
    expect(error.message).toContain('no message reaches onMessage()');
  });

  it.each([
    ['dataType', { dataType: 'text' as const }],
    ['discriminator', { discriminator: 'kind' }],
  ])('a %s beside the contract', async (name, options) => {
    @WebSocketClient({ contract: desk })
    class Odd extends Methods {}
    const error = await startError(Odd, options);
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error.message).toContain(name);
  });

  it('a contract that is none', async () => {
    @WebSocketClient({ contract: {} as never })
    class Wrong extends Methods {}
    const error = await startError(Wrong);
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error.message).toContain('what defineContract() returned');
  });
});
