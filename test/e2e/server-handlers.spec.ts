/** Reference 4: the hooks of a server. */
import { ForbiddenException, HttpException, UnauthorizedException } from '@nestjs/common';
import { ConnectionHandler, WebSocketServer, WSSHandler, type WSErrorEvent } from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { connect, connectRefused } from '../support/client.js';
import { Recorder } from '../support/recorder.js';

afterEach(closeApps);

describe('§4 WSSHandler', () => {
  it('runs onConnection before the 101, with the event, and onOpen once, when the HTTP server listens', async () => {
    const events: unknown[] = [];
    @WSSHandler('/')
    class Server {
      onConnection(wss: WebSocketServer, event: { type: string; request: { url: string } }) {
        events.push([event.type, event.request.url, wss.connections.length]);
        return { onMessage: () => undefined };
      }
      onOpen(_wss: WebSocketServer, event: object) {
        events.push(event);
      }
    }
    const { wsUrl } = await startApp({ providers: [Server] });
    await connect(`${wsUrl}/?a=1`);
    expect(events).toEqual([{ type: 'open' }, ['connection', '/?a=1', 0]]);
  });

  it('onError gets 4D’s statusText: the message of the first error', async () => {
    const events = new Recorder();
    @WSSHandler('/')
    class Server {
      onConnection(): null {
        throw new Error('broken', { cause: new Error('the cause') });
      }
      onError(_wss: WebSocketServer, event: WSErrorEvent) {
        events.push('error', event);
      }
    }
    const { wsUrl } = await startApp({ providers: [Server] });
    expect((await connectRefused(wsUrl)).status).toBe(500);
    expect((await events.next('error'))[0]).toMatchObject({
      type: 'error',
      statusText: 'broken',
      errors: [{ message: 'broken' }, { message: 'the cause' }],
    });
  });

  describe('4.1 onConnection', () => {
    let decide: () => unknown = () => null;
    const errors = new Recorder();
    @ConnectionHandler()
    class Handler {
      onMessage() {
        return 'made by Nest';
      }
    }
    class NotProvided {
      onMessage() {}
    }
    @WSSHandler('/')
    class Server {
      onConnection() {
        return decide() as object;
      }
      onError(_wss: WebSocketServer, event: WSErrorEvent) {
        errors.push('error', event);
      }
    }

    it.each([
      ['a class', () => Handler, 'made by Nest'],
      ['a promise of a class', () => Promise.resolve(Handler), 'made by Nest'],
      ['an object with onMessage', () => ({ onMessage: () => 'as it is' }), 'as it is'],
      ['a promise of an object', async () => ({ onMessage: () => 'as it is' }), 'as it is'],
    ])('takes %s', async (_what, decision, reply) => {
      decide = decision;
      const { wsUrl } = await startApp({ providers: [Server, Handler] });
      const client = await connect(wsUrl);
      client.send('x');
      expect(await client.next()).toBe(reply);
    });

    it.each([
      ['null', () => null, 403, 'Forbidden', undefined],
      ['undefined', () => undefined, 403, 'Forbidden', undefined],
      ['a promise of null', async () => null, 403, 'Forbidden', undefined],
      [
        'an HttpException',
        () => {
          throw new UnauthorizedException('who?');
        },
        401,
        'who?',
        undefined,
      ],
      [
        'a promise of an HttpException',
        () => Promise.reject(new ForbiddenException()),
        403,
        'Forbidden',
        undefined,
      ],
      [
        'an HttpException with a body of its own',
        () => {
          throw new HttpException({ message: 'teapot', x: 1 }, 418);
        },
        418,
        'teapot',
        undefined,
      ],
      [
        'another error',
        () => {
          throw new Error('secret');
        },
        500,
        'Internal server error',
        'secret',
      ],
      ['a rejection', () => Promise.reject(new Error('secret')), 500, 'Internal server error', 'secret'],
      [
        'a throw of null',
        () => {
          throw null;
        },
        500,
        'Internal server error',
        'null',
      ],
      [
        'a number',
        () => 12,
        500,
        'Internal server error',
        /Server\.onConnection\(\) must return .* a number/,
      ],
      [
        'an object without onMessage',
        () => ({}),
        500,
        'Internal server error',
        /an Object that can not serve/,
      ],
      [
        'a class that is not provided',
        () => NotProvided,
        500,
        'Internal server error',
        /NotProvided, which no module provides/,
      ],
    ])('%s refuses the client', async (_what, decision, status, message, error) => {
      decide = decision;
      const { wsUrl } = await startApp({ providers: [Server, Handler] });
      const refused = await connectRefused(wsUrl);
      expect(refused).toMatchObject({ status, json: { message } });
      expect(refused.headers.connection).toBe('close');
      expect(refused.headers['content-type']).toMatch(/^application\/json/);
      expect(refused.body).not.toContain('secret');
      if (error !== undefined) {
        const [event] = (await errors.next('error')) as [WSErrorEvent];
        expect(event.errors[0].message).toEqual(
          typeof error === 'string' ? error : expect.stringMatching(error),
        );
        expect(event.errors[0]).toMatchObject({ errCode: 1011, componentSignature: 'user' });
      }
      expect(errors.unread('error')).toEqual([]);
    });

    it('refusals have statusCode, message and error', async () => {
      decide = () => null;
      const { wsUrl } = await startApp({ providers: [Server, Handler] });
      expect((await connectRefused(wsUrl)).json).toEqual({
        statusCode: 403,
        message: 'Forbidden',
        error: 'Forbidden',
      });
    });
  });
});
