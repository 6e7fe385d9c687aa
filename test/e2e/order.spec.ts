import { once } from 'node:events';
import {
  ConnectionHandler,
  WSSHandler,
  type WebSocketConnection,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { connect } from '../support/client.js';
import { deferred } from '../support/deferred.js';
import { NO_OP_INTERCEPTOR } from '../support/no-op-interceptor.js';
import { until } from '../support/patience.js';
import { clientFrame, handshakeHead, openSocket } from '../support/raw-client.js';
import { Recorder } from '../support/recorder.js';

afterEach(closeApps);

describe('6.1 hooks in order', () => {
  it('onOpen completes before the first message, each message before the next, all before onTerminate', async () => {
    const gates = new Map<string, ReturnType<typeof deferred<void>>>();
    const events = new Recorder();
    const step = async (name: string) => {
      events.push(`${name} begins`);
      const gate = deferred<void>();
      gates.set(name, gate);
      await gate.promise;
      events.push(`${name} ends`);
    };
    @ConnectionHandler({ path: '/' })
    class Handler {
      onOpen() {
        return step('open');
      }
      onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
        return step(data);
      }
      onTerminate() {
        events.push('terminate');
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler] });
    const client = await connect(wsUrl);
    client.send('1');
    client.send('2');
    client.socket.terminate();
    for (const name of ['open', '1', '2']) {
      await events.next(`${name} begins`);
      gates.get(name)!.resolve();
    }
    await events.next('terminate');
    expect(events.order).toEqual([
      'open begins',
      'open ends',
      '1 begins',
      '1 ends',
      '2 begins',
      '2 ends',
      'terminate',
    ]);
  });

  it('connections never wait for each other', async () => {
    const gate = deferred<void>();
    @ConnectionHandler({ path: '/' })
    class Handler {
      async onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
        if (data === 'slow') await gate.promise;
        return data;
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler] });
    const [slow, fast] = [await connect(wsUrl), await connect(wsUrl)];
    slow.send('slow');
    slow.send('after');
    fast.send('fast');
    expect(await fast.next()).toBe('fast');
    gate.resolve();
    expect(await slow.take(2)).toEqual(['slow', 'after']);
  });

  it.each(['onConnection', 'onOpen', 'both'])(
    'a client that talks right after its handshake loses nothing while %s is awaited',
    async (where) => {
      const entered = new Recorder();
      const gates = { onConnection: deferred<void>(), onOpen: deferred<void>() };
      @ConnectionHandler()
      class Handler {
        onOpen() {
          entered.push('onOpen');
          return where === 'onConnection' ? undefined : gates.onOpen.promise;
        }
        onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
          return data;
        }
      }
      @WSSHandler('/')
      class Server {
        async onConnection() {
          entered.push('onConnection');
          if (where !== 'onOpen') await gates.onConnection.promise;
          return Handler;
        }
      }
      const { port } = await startApp({ providers: [Server, Handler] });
      const client = await openSocket(port);
      // In one write: the frames are in the first packet after the request, before the 101.
      client.write(handshakeHead(), clientFrame(1, '1'), clientFrame(1, '2'));
      await entered.next('onConnection');
      client.write(clientFrame(1, '3'));
      gates.onConnection.resolve();
      await entered.next('onOpen');
      client.write(clientFrame(1, '4'));
      gates.onOpen.resolve();
      expect(await client.head()).toMatch(/^HTTP\/1.1 101/);
      for (const expected of ['1', '2', '3', '4'])
        expect((await client.frame()).payload.toString()).toBe(expected);
      client.socket.destroy();
    },
  );

  it('a reply to a message in the same packet as the close frame, or the end of the stream, is delivered before it', async () => {
    @ConnectionHandler({ path: '/' })
    class Handler {
      onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
        return data;
      }
    }
    const { port } = await startApp({ providers: [Handler] });
    const closing = await openSocket(port);
    closing.write(handshakeHead(), clientFrame(1, 'last'), clientFrame(8, Buffer.from([0x0f, 0xa1])));
    await closing.head();
    expect((await closing.frame()).payload.toString()).toBe('last');
    expect(await closing.closeCode()).toBe(4001);
    const ending = await openSocket(port);
    ending.write(handshakeHead());
    await ending.head();
    ending.socket.end(clientFrame(1, 'last'));
    expect((await ending.frame()).payload.toString()).toBe('last');
    await ending.closed;
  });

  it('an error hook keeps its turn among the messages', async () => {
    const events: string[] = [];
    const gate = deferred<void>();
    @ConnectionHandler({ path: '/' })
    class Handler {
      onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
        events.push(data);
        if (data === '1') throw new Error('broken');
        ws.send(data);
      }
      async onError() {
        events.push('error begins');
        await gate.promise;
        events.push('error ends');
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler] });
    const client = await connect(wsUrl);
    client.send('1');
    client.send('2');
    setImmediate(() => gate.resolve());
    await client.next();
    expect(events).toEqual(['1', 'error begins', 'error ends', '2']);
  });
});

describe('6.1 an interceptor that does nothing changes nothing of the order', () => {
  it('an async onMessage: one at a time, answered in order, all before onTerminate', async () => {
    const events = new Recorder();
    const gates = new Map(['1', '2', '3', '4'].map((message) => [message, deferred<void>()]));
    let connection: WebSocketConnection | undefined;
    @ConnectionHandler({ path: '/' })
    class Handler {
      onOpen(ws: WebSocketConnection) {
        connection = ws;
      }
      async onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
        events.push(`${data} begins`);
        await gates.get(data)!.promise;
        events.push(`${data} ends`);
        return data;
      }
      onTerminate() {
        events.push('terminate');
      }
    }
    const { wsUrl } = await startApp({ providers: [Handler, NO_OP_INTERCEPTOR] });
    const client = await connect(wsUrl);
    for (const message of ['1', '2', '3']) client.send(message);
    client.socket.ping();
    // The server has read all that came before the ping.
    await once(client.socket, 'pong');
    await events.next('1 begins');
    expect(events.order).toEqual(['1 begins']);
    for (const message of ['3', '2', '1']) gates.get(message)!.resolve();
    expect(await client.take(3)).toEqual(['1', '2', '3']);
    client.send('4');
    await events.next('4 begins');
    client.socket.terminate();
    await until(() => connection!.status === 'Closed');
    gates.get('4')!.resolve();
    await events.next('terminate');
    expect(events.order).toEqual([
      ...['1', '2', '3', '4'].flatMap((message) => [`${message} begins`, `${message} ends`]),
      'terminate',
    ]);
  });

  it('messages that came before the close, during an async onOpen, are handled', async () => {
    const events = new Recorder();
    const gate = deferred<void>();
    @ConnectionHandler({ path: '/' })
    class Handler {
      onOpen(ws: WebSocketConnection) {
        events.push('open', ws);
        return gate.promise;
      }
      onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
        events.push(data);
      }
      onTerminate() {
        events.push('terminate');
      }
    }
    const { port } = await startApp({ providers: [Handler, NO_OP_INTERCEPTOR] });
    const client = await openSocket(port);
    client.write(handshakeHead(), clientFrame(1, '1'), clientFrame(1, '2'), clientFrame(8));
    const [ws] = (await events.next('open')) as [WebSocketConnection];
    await until(() => ws.status === 'Closed');
    gate.resolve();
    await events.next('terminate');
    expect(events.order).toEqual(['open', '1', '2', 'terminate']);
  });
});
