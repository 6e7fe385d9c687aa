/** Reference 1.3: one method for each kind of message. */
import { UsePipes, ValidationPipe } from '@nestjs/common';
import { MessageBody } from '@nestjs/websockets';
import {
  ConnectionHandler,
  OnMessage,
  WebSocketConnection,
  WebSocketServer,
  WSSHandler,
  type WSErrorEvent,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { connect, connectRefused } from '../support/client.js';
import { JoinDto } from '../support/join-dto.js';
import { Recorder } from '../support/recorder.js';

afterEach(closeApps);

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
