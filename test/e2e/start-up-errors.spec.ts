import {
  Injectable,
  Module,
  Scope,
  UseGuards,
  UseInterceptors,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
  type Type,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  ConnectionHandler,
  FourDWebSocketModule,
  InvalidHandlerError,
  InvalidOptionError,
  OnMessage,
  WSSHandler,
  type ServerOptions,
} from 'nestjs-4d-websocket';
import { createApp } from '../support/app.js';
import { freePort } from '../support/free-port.js';

/** What an application with these providers fails to start with. */
async function startError(
  providers: NonNullable<Parameters<typeof createApp>[0]['providers']>,
  options?: object,
): Promise<Error> {
  const app = await createApp({ providers, options });
  try {
    await app.init();
  } catch (error) {
    return error as Error;
  } finally {
    await app.close();
  }
  throw new Error('the application started');
}

function serverClass(name: string, options: ServerOptions | string) {
  const type = {
    [name]: class {
      onConnection() {
        return null;
      }
    },
  }[name]!;
  WSSHandler(options)(type);
  return type;
}

describe('1.6 start-up errors name the class and the remedy', () => {
  it('a WSSHandler without onConnection', async () => {
    @WSSHandler('/')
    class Empty {}
    const error = await startError([Empty]);
    expect(error).toBeInstanceOf(InvalidHandlerError);
    expect(error.message).toMatch(/^Empty: a WSSHandler needs a method onConnection\(\)/);
  });

  it('a connection handler without onMessage', async () => {
    @ConnectionHandler()
    class Mute {}
    expect((await startError([Mute])).message).toMatch(
      /^Mute: a connection handler needs a method onMessage\(\)/,
    );
  });

  it('two methods for one kind of message', async () => {
    @ConnectionHandler({ path: '/', dataType: 'object', discriminator: 'type' })
    class Twice {
      @OnMessage('join') a() {}
      @OnMessage('join') b() {}
    }
    expect((await startError([Twice])).message).toMatch(
      /^Twice: both a\(\) and b\(\) are marked for messages of the kind "join"/,
    );
  });

  it('a kind of message without a discriminator', async () => {
    @ConnectionHandler({ path: '/', dataType: 'object' })
    class Kinds {
      @OnMessage('join') a() {}
    }
    expect((await startError([Kinds])).message).toMatch(
      /^Kinds: @OnMessage\('join'\) .*discriminator: 'type'/,
    );
  });

  it('a discriminator on a server that is not object', async () => {
    @ConnectionHandler({ path: '/', discriminator: 'type' })
    class Kinds {
      @OnMessage('join') a() {}
    }
    expect((await startError([Kinds])).message).toMatch(
      /^Kinds: a discriminator .* set the dataType to 'object'/,
    );
  });

  it('two methods marked as one hook', async () => {
    @ConnectionHandler()
    class Twice {
      @OnMessage() a() {}
      @OnMessage() b() {}
    }
    expect((await startError([Twice])).message).toMatch(
      /^Twice: both a\(\) and b\(\) are marked as onMessage/,
    );
  });

  it('two servers on one path and port', async () => {
    const error = await startError([serverClass('A', '/x'), serverClass('B', 'x/')]);
    expect(error.message).toBe(
      "B: A serves the path /x on the application's port already; give one of them another path",
    );
  });

  it('two servers on one pattern', async () => {
    const error = await startError([serverClass('A', '/:id'), serverClass('B', '/:id')]);
    expect(error.message).toMatch(/^B: A serves the path \/:id/);
  });

  it('a second server without a path on one port', async () => {
    const error = await startError([serverClass('A', {}), serverClass('B', {})]);
    expect(error.message).toMatch(/^B: A is a server without a path on the application's port already/);
  });

  it('a path that is no pattern', async () => {
    expect((await startError([serverClass('A', '/:')])).message).toMatch(
      /^A: the option "path" must be .*pattern/,
    );
  });

  it.each<[keyof ServerOptions | string, ServerOptions]>([
    ['dataType', { dataType: 'json' as never }],
    ['port', { port: 70000 }],
    ['path', { path: 12 as never }],
    ['maxPayload', { maxPayload: 0 }],
    ['maxPayload', { maxPayload: 1.5 }],
    ['maxConnections', { maxConnections: -1 }],
    ['allowedOrigins', { allowedOrigins: [12 as never] }],
    ['trustProxy', { trustProxy: 'nonsense' }],
    ['trustProxy', { trustProxy: -1 }],
    ['trustProxy', { trustProxy: {} as never }],
    ['protocols', { protocols: 'chat' as never }],
    ['protocols', { protocols: ['no token'] }],
    ['protocols', { protocols: ['chat', 'bearer.chat'] }],
    ['handshakeTimeout', { handshakeTimeout: 0 }],
    ['heartbeat', { heartbeat: true as never }],
    ['heartbeat.interval', { heartbeat: { interval: -1 } }],
    ['heartbeat.timeout', { heartbeat: { timeout: Infinity } }],
    ['closeTimeout', { closeTimeout: NaN }],
    ['shutdownTimeout', { shutdownTimeout: '5s' as never }],
    ['shutdownSpread', { shutdownSpread: -1 }],
    ['shutdownSpread', { shutdownSpread: 5000, shutdownTimeout: 5000 }],
    ['handshakeRate', { handshakeRate: 100 as never }],
    ['handshakeRate.limit', { handshakeRate: { limit: 0, window: 1000 } }],
    ['handshakeRate.window', { handshakeRate: { limit: 1 } as never }],
    [
      'handshakeRate[1].by',
      {
        handshakeRate: [
          { limit: 1, window: 1 },
          { limit: 1, window: 1, by: 'ip' as never },
        ],
      },
    ],
    ['messageRate.limit', { messageRate: { limit: 1.5, window: 1000 } }],
    ['messageRate.window', { messageRate: { limit: 1, window: 0 } }],
    ['messageRate.bytes', { messageRate: { limit: 1, window: 1, bytes: 0 } }],
    ['messageRate.exceeded', { messageRate: { limit: 1, window: 1, exceeded: 'ignore' as never } }],
    ['maxTopics', { maxTopics: -1 }],
    ['refreshKey', { refreshKey: 'user' as never }],
    ['maxQueuedMessages', { maxQueuedMessages: 0 }],
    ['maxBufferedAmount', { maxBufferedAmount: -5 }],
    ['perMessageDeflate', { perMessageDeflate: 'yes' as never }],
  ])('an option out of range: %s %j', async (option, options) => {
    const error = (await startError([serverClass('Server', options)])) as InvalidOptionError;
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error).toMatchObject({ owner: 'Server', option });
    expect(error.message).toMatch(`Server: the option "${option}" must be `);
  });

  it('an option of the module', async () => {
    const error = await startError([], { maxPayload: -1 });
    expect(error.message).toMatch(
      /^FourDWebSocketModule: the option "maxPayload" must be an integer .* got -1/,
    );
  });

  it('the module imported twice with different options', async () => {
    @Module({ imports: [FourDWebSocketModule.forRoot({ maxPayload: 1 })] })
    class Other {}
    const compiled = Test.createTestingModule({ imports: [FourDWebSocketModule.forRoot(), Other] }).compile();
    await expect(compiled).rejects.toThrow(/imported 2 times.*import it once/);
  });

  it('a port that is taken', async () => {
    const port = await freePort();
    const app = await createApp({ providers: [serverClass('First', { port })] });
    await app.init();
    try {
      const error = await startError([serverClass('Second', { port })]);
      expect(error).toMatchObject({ code: 'EADDRINUSE' });
    } finally {
      await app.close();
    }
  });
});

@Injectable()
class Gatekeeper implements CanActivate {
  canActivate() {
    return false;
  }
}

@Injectable()
class Stopwatch implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle();
  }
}

describe('11.2 an enhancer that Nest has no instance of is a start-up error, never skipped', () => {
  const provided = (how: string, type: Type<object>) =>
    how === 'useFactory'
      ? { provide: type, useFactory: () => new type() }
      : { provide: type, useValue: new type() };

  describe.each(['useFactory', 'useValue'])('of a handler provided with %s', (how) => {
    it('a guard of a server handler’s class', async () => {
      @WSSHandler('/')
      @UseGuards(Gatekeeper)
      class Server {
        onConnection() {
          return { onMessage: () => 'let in' };
        }
      }
      const error = await startError([provided(how, Server)]);
      expect(error).toBeInstanceOf(InvalidHandlerError);
      expect(error.message).toMatch(/^Server: .*Gatekeeper/);
    });

    it('an interceptor of onConnection', async () => {
      @WSSHandler('/')
      class Server {
        @UseInterceptors(Stopwatch)
        onConnection() {
          return { onMessage: () => 'let in' };
        }
      }
      const error = await startError([provided(how, Server)]);
      expect(error).toBeInstanceOf(InvalidHandlerError);
      expect(error.message).toMatch(/^Server: .*Stopwatch/);
    });

    it('a guard of a connection handler’s class', async () => {
      @ConnectionHandler({ path: '/' })
      @UseGuards(Gatekeeper)
      class Chat {
        onMessage() {
          return 'served';
        }
      }
      const error = await startError([provided(how, Chat)]);
      expect(error).toBeInstanceOf(InvalidHandlerError);
      expect(error.message).toMatch(/^Chat: .*Gatekeeper/);
    });

    it('an interceptor of onMessage, behind a server', async () => {
      @ConnectionHandler()
      class Chat {
        @UseInterceptors(Stopwatch)
        onMessage() {
          return 'served';
        }
      }
      @WSSHandler('/')
      class Server {
        onConnection() {
          return Chat;
        }
      }
      const error = await startError([Server, provided(how, Chat)]);
      expect(error).toBeInstanceOf(InvalidHandlerError);
      expect(error.message).toMatch(/^Chat: .*Stopwatch/);
    });
  });
});

describe('8 an option that there is none of is an error that names the nearest', () => {
  it.each<[string, object, string]>([
    ['maxPayLoad', { maxPayLoad: 100 }, 'maxPayload'],
    ['allowedOrigin', { allowedOrigin: 'https://a.example' }, 'allowedOrigins'],
    ['heartBeat', { heartBeat: false }, 'heartbeat'],
    ['heartbeat.intervall', { heartbeat: { intervall: 5 } }, 'interval'],
    ['handshakeRate.windows', { handshakeRate: { limit: 1, windows: 5 } }, 'window'],
    ['messageRate.exceed', { messageRate: { limit: 1, window: 1, exceed: 'drop' } }, 'exceeded'],
  ])('%s', async (option, options, nearest) => {
    @ConnectionHandler({ path: '/', ...options })
    class Shorthand {
      onMessage() {}
    }
    const attempts: [string, () => Promise<Error>][] = [
      ['Server', () => startError([serverClass('Server', { path: '/', ...options })])],
      ['Shorthand', () => startError([Shorthand])],
      ['FourDWebSocketModule', () => startError([], options)],
    ];
    for (const [owner, attempt] of attempts) {
      const error = await attempt();
      expect(error).toBeInstanceOf(InvalidOptionError);
      expect(error.message).toMatch(new RegExp(`^${owner}`));
      expect(error.message).toContain(option.split('.').at(-1));
      expect(error.message).toMatch(new RegExp(`\\b${nearest}\\b`));
    }
  });

  it.each([
    ['maxQueuedBytes', { maxQueuedBytes: 0 }],
    ['maxFragments', { maxFragments: -1 }],
    ['refusals', { refusals: 'open' as never }],
  ])('the option %s out of range: %j', async (option, options) => {
    const error = await startError([serverClass('Server', options as ServerOptions)]);
    expect(error).toMatchObject({ name: 'InvalidOptionError', owner: 'Server', option });
    expect(error.message).toMatch(`Server: the option "${option}" must be `);
  });

  it.each<[string, object, RegExp]>([
    ['scop', { scop: Scope.DEFAULT }, /the option "scop" must be "scope": there is no such option, got 0$/],
    ['discrimnator', { discrimnator: 'type' }, /the option "discrimnator" must be "discriminator"/],
    ['scope', { scope: 99 }, /the option "scope" must be Scope\.DEFAULT.*, got 99$/],
    ['discriminator', { discriminator: 5 }, /the option "discriminator" must be a string.*, got 5$/],
  ])('%s of a connection handler', async (option, options, message) => {
    for (const server of [{}, { path: '/', dataType: 'object' }] as ServerOptions[]) {
      @ConnectionHandler({ ...server, ...options })
      class Handler {
        onMessage() {}
      }
      const error = await startError([Handler]);
      expect(error).toMatchObject({ name: 'InvalidOptionError', owner: 'Handler', option });
      expect(error.message).toMatch(message);
    }
  });

  it('a path in the place of the options', async () => {
    @ConnectionHandler('/chat' as never)
    class Handler {
      onMessage() {}
    }
    expect((await startError([Handler])).message).toBe(
      `Handler: the option "options" must be an object, such as { path: '/chat' }, got '/chat'`,
    );
  });
});
