/** Reference 6.1, 11.2, 12.2: promises that hold though something odd stands between a client and its handler. */
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import {
  Controller,
  Get,
  HttpException,
  UseGuards,
  UseInterceptors,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { catchError, lastValueFrom, Observable, of, timeout } from 'rxjs';
import {
  ConnectionHandler,
  WSSHandler,
  type WebSocketConnection,
  type WSErrorEvent,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { connect, connectRefused } from '../support/client.js';
import { serveConnections } from '../support/connection-app.js';
import { deferred } from '../support/deferred.js';
import { within } from '../support/patience.js';
import { openSocket } from '../support/raw-client.js';
import { Recorder } from '../support/recorder.js';

afterEach(closeApps);

@ConnectionHandler()
class Echo {
  onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
    return data;
  }
}

class Refusing implements CanActivate {
  canActivate() {
    return false;
  }
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** Gives a value and ends from a timer, and then fails to clean up. */
const failingTeardown = (value: unknown) =>
  new Observable((subscriber) => {
    setImmediate(() => {
      subscriber.next(value);
      subscriber.complete();
    });
    return () => {
      throw new Error('teardown');
    };
  });

describe('1.7 another upgrade, whatever header it comes in', () => {
  it.each(['Connection', 'Proxy-Connection'])(
    '%s: the application answers, and others are served',
    async (name) => {
      @Controller()
      class Hello {
        @Get()
        hello() {
          return 'hello';
        }
      }
      @ConnectionHandler({ path: '/echo' })
      class Handler extends Echo {}
      const { port, wsUrl } = await startApp({ controllers: [Hello], providers: [Handler] });
      const client = await openSocket(port);
      client.write(`GET / HTTP/1.1\r\nHost: localhost\r\n${name}: upgrade\r\nUpgrade: h2c\r\n\r\n`);
      await within(once(client.socket, 'data'));
      expect(Buffer.concat(client.chunks).toString()).toMatch(/^HTTP\/1.1 200 /);
      const other = await connect(`${wsUrl}/echo`);
      other.send('alive');
      expect(await within(other.next())).toBe('alive');
      client.socket.destroy();
    },
  );
});

describe('11.2 hooks that are fields', () => {
  it('a guard of the class lets nobody in past an onConnection that is a field', async () => {
    @UseGuards(new Refusing())
    @WSSHandler('/')
    class Server {
      onConnection = () => Echo;
    }
    const { wsUrl } = await startApp({ providers: [Server, Echo] });
    expect((await connectRefused(wsUrl)).status).toBe(403);
  });

  it('a global guard lets no message past an onMessage that is a field', async () => {
    const errors = new Recorder();
    @ConnectionHandler({ path: '/' })
    class Handler {
      onMessage = () => 'served';
      onError = (_ws: WebSocketConnection, event: WSErrorEvent) =>
        errors.push('error', event.errors[0].errCode);
    }
    const { wsUrl } = await startApp({
      providers: [{ provide: Handler, useFactory: () => new Handler() }],
      configure: (app) => app.useGlobalGuards(new Refusing()),
    });
    const client = await connect(wsUrl);
    client.send('x');
    expect(await within(errors.next('error'))).toEqual([403]);
    expect(client.unread).toEqual([]);
  });

  it('a hook that only instances of a connection handler have is an error, not ignored', async () => {
    const errors = new Recorder();
    @ConnectionHandler()
    class Handler {
      onMessage() {}
      onTerminate = () => undefined;
    }
    @WSSHandler('/')
    class Server {
      onConnection() {
        return Handler;
      }
      onError(_wss: unknown, event: WSErrorEvent) {
        errors.push('error', event.errors[0].message);
      }
    }
    const { wsUrl } = await startApp({ providers: [Server, Handler] });
    const client = await connect(wsUrl);
    expect((await within(client.closed)).code).toBe(1011);
    expect(await errors.next('error')).toEqual([
      expect.stringMatching(/Handler: onTerminate is a field.*method/),
    ]);
  });
});

describe('5.3 streams whose client leaves', () => {
  it('an async generator that never ends is left when the client closes, and others are served', async () => {
    const left = deferred<void>();
    const { wsUrl } = await serveConnections({}, async function* onMessage(_ws, data: string): AsyncGenerator<
      string,
      void
    > {
      if (data === 'alive') {
        yield data;
        return;
      }
      try {
        for (;;) yield 'x';
      } finally {
        left.resolve();
      }
    });
    const client = await connect(wsUrl);
    client.send('stream');
    await client.next();
    await within(client.close());
    await within(left.promise);
    const other = await connect(wsUrl);
    other.send('alive');
    expect(await within(other.next())).toBe('alive');
  });

  it('a Readable that comes when its client has left is destroyed, and may fail', async () => {
    const gate = deferred<void>();
    const stream = new PassThrough();
    const { wsUrl, events } = await serveConnections({}, async () => {
      events.push('message');
      await gate.promise;
      return stream;
    });
    const client = await connect(wsUrl);
    client.send('x');
    await events.next('message');
    client.socket.terminate();
    await client.closed;
    gate.resolve();
    await within(events.next('terminate'));
    expect(stream.destroyed).toBe(true);
    stream.emit('error', new Error('nobody takes this'));
  });
});

describe('6.1 interceptors that answer before the handler', () => {
  it('a handler that was not called in time is not called at all; hooks never overlap', async () => {
    const gate = deferred<void>();
    const events = new Recorder();
    class Slow implements NestInterceptor {
      async intercept(_context: ExecutionContext, next: CallHandler) {
        await gate.promise;
        events.push('late');
        return of(await lastValueFrom(next.handle(), { defaultValue: 'nothing' }));
      }
    }
    class Impatient implements NestInterceptor {
      intercept(_context: ExecutionContext, next: CallHandler) {
        return next.handle().pipe(
          timeout(10),
          catchError(() => of('timeout')),
        );
      }
    }
    @ConnectionHandler({ path: '/' })
    @UseInterceptors(new Impatient(), new Slow())
    class Handler {
      onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
        events.push(data);
      }
      onTerminate() {
        events.push('terminate');
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler] });
    const client = await connect(wsUrl);
    client.send('1');
    expect(await within(client.next())).toBe('timeout');
    await client.close();
    await within(events.next('terminate'));
    gate.resolve();
    await within(events.next('late'));
    await new Promise(setImmediate);
    expect(events.order).toEqual(['terminate', 'late']);
  });
});

describe('12.2 failures of every shape', () => {
  it('a teardown that throws behind an async handler and an interceptor', async () => {
    class Passing implements NestInterceptor {
      async intercept(_context: ExecutionContext, next: CallHandler) {
        return next.handle();
      }
    }
    @ConnectionHandler({ path: '/' })
    @UseInterceptors(new Passing())
    class Handler {
      async onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
        return failingTeardown(data);
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler] });
    const client = await connect(wsUrl);
    for (const message of ['1', '2']) {
      client.send(message);
      expect(await within(client.next())).toBe(message);
    }
  });

  it('a guard whose answer is an Observable with a teardown that throws', async () => {
    class Observing implements CanActivate {
      canActivate() {
        return failingTeardown(true) as Observable<boolean>;
      }
    }
    @UseGuards(new Observing())
    @WSSHandler('/')
    class Server {
      onConnection() {
        return Echo;
      }
    }
    const { wsUrl } = await startApp({ providers: [Server, Echo] });
    const client = await connect(wsUrl);
    client.send('in');
    expect(await within(client.next())).toBe('in');
  });

  class Unruly extends HttpException {
    override getResponse(): never {
      throw new Error('no response');
    }
  }
  const FAILURES: Record<string, () => unknown> = {
    'a revoked Proxy': revoked,
    'an HttpException that has no response': () => new Unruly('x', 400),
    'an HttpException whose message is an object': () => new HttpException({ message: { a: 1 } }, 400),
  };
  const ways = Object.keys(FAILURES).flatMap((what) =>
    (['http', 'close'] as const).flatMap((refusals) =>
      ['throws', 'rejects'].map((how) => ({ what, refusals, how })),
    ),
  );

  it.each(ways)(
    'onConnection $how $what (refusals: $refusals): the client is told',
    async ({ what, refusals, how }) => {
      @WSSHandler({ path: '/', refusals })
      class Server {
        onConnection(): unknown {
          if (how === 'rejects') return Promise.reject(FAILURES[what]!());
          throw FAILURES[what]!();
        }
        onError() {}
      }
      const { wsUrl } = await startApp({ providers: [Server] });
      if (refusals === 'http') expect([400, 500]).toContain((await within(connectRefused(wsUrl))).status);
      else expect([4400, 4500]).toContain((await within((await connect(wsUrl)).closed)).code);
    },
  );

  it('onMessage throws a revoked Proxy: onError, and the next message is served', async () => {
    const { wsUrl, events } = await serveConnections({}, (_ws, data: string) => {
      if (data === 'fail') throw revoked();
      return data;
    });
    const client = await connect(wsUrl);
    client.send('fail');
    client.send('next');
    expect(await within(client.next())).toBe('next');
    await within(events.next('error'));
  });

  it.each([true, false])('a listener of the response that throws (client let in: %s): 500', async (lets) => {
    @WSSHandler({
      path: '/',
      handshake: {
        use: [
          (_request, response, next) => {
            response.writeHead = () => {
              throw new Error('the listener failed');
            };
            next();
          },
        ],
      },
    })
    class Server {
      onConnection() {
        return lets ? Echo : null;
      }
      onError() {}
    }
    const { wsUrl } = await startApp({ providers: [Server, Echo] });
    expect((await within(connectRefused(wsUrl))).status).toBe(500);
  });

  it('onConnection destroys the socket with an error', async () => {
    @WSSHandler('/')
    class Server {
      onConnection(
        _wss: unknown,
        { request }: { request: { raw: { socket: { destroy(error: Error): void } } } },
      ) {
        request.raw.socket.destroy(new Error('go away'));
        return Echo;
      }
    }
    const { port } = await startApp({ providers: [Server, Echo] });
    const client = await openSocket(port);
    client.write(
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await within(client.closed);
  });
});

describe('8 options that only zlib can judge', () => {
  it.each([
    { zlibInflateOptions: { chunkSize: 1 } },
    { zlibDeflateOptions: { level: 99 } },
    { serverMaxWindowBits: 99 },
    { threshold: 'many' as never },
    { zlibDeflateOptions: { levle: 3 } as never },
  ])('%j is a start-up error that names perMessageDeflate', async (perMessageDeflate) => {
    @ConnectionHandler({ path: '/', perMessageDeflate })
    class Handler extends Echo {}
    await expect(startApp({ providers: [Handler] })).rejects.toThrow(
      /Handler: the option "perMessageDeflate\./,
    );
  });
});
