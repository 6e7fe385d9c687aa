/** Reference 1: decorators, and how hooks are found. */
import { once } from 'node:events';
import {
  ConnectionHandler,
  OnConnection,
  OnMessage,
  WebSocketServerRegistry,
  WSSHandler,
} from 'nestjs-4d-websocket';
import { closeApps, createApp, startApp } from '../support/app.js';
import { connect } from '../support/client.js';

afterEach(closeApps);

describe('§1 what a user writes', () => {
  it.each([
    ['useExisting', (type: new () => object) => ({ provide: 'ALIAS', useExisting: type })],
    [
      'a factory that returns it',
      (type: new () => object) => ({
        provide: 'ALIAS',
        useFactory: (handler: object) => handler,
        inject: [type],
      }),
    ],
  ])('1.6 an alias of a server handler, by %s, is one server', async (_how, alias) => {
    let opened = 0;
    @WSSHandler('/')
    class Server {
      onConnection() {
        return { onMessage: () => 'reply' };
      }
      onOpen() {
        opened++;
      }
    }
    const { app, wsUrl } = await startApp({ providers: [Server, alias(Server)] });
    expect([...app.get(WebSocketServerRegistry)]).toHaveLength(1);
    expect(opened).toBe(1);
    const client = await connect(wsUrl);
    client.send('x');
    expect(await client.next()).toBe('reply');
  });

  it('1.3 a marked method wins over a named one', async () => {
    @ConnectionHandler()
    class Handler {
      @OnMessage()
      talk() {
        return 'marked';
      }
      onMessage() {
        return 'named';
      }
    }
    @WSSHandler('/')
    class Server {
      @OnConnection()
      decide() {
        return Handler;
      }
      onConnection() {
        return null;
      }
    }
    const { wsUrl } = await startApp({ providers: [Server, Handler] });
    const client = await connect(wsUrl);
    client.send('x');
    expect(await client.next()).toBe('marked');
  });

  it('1.3 a subclass inherits hooks, and may override a marked method', async () => {
    class Base {
      @OnMessage()
      talk() {
        return 'base';
      }
    }
    @ConnectionHandler({ path: '/' })
    class Handler extends Base {
      @OnMessage()
      override talk() {
        return 'sub';
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler] });
    const client = await connect(wsUrl);
    client.send('x');
    expect(await client.next()).toBe('sub');
  });

  it('1.1 serves with app.init() and a listen of the HTTP server alone', async () => {
    @ConnectionHandler({ path: '/' })
    class Handler {
      onMessage() {
        return 'x';
      }
    }
    const app = await createApp({ providers: [Handler] });
    await app.init();
    const httpServer = app.getHttpServer().listen(0);
    await once(httpServer, 'listening');
    const client = await connect(`ws://127.0.0.1:${httpServer.address().port}/`);
    client.send('');
    expect(await client.next()).toBe('x');
    await app.close();
    expect((await client.closed).code).toBe(1001);
  });
});
