/** Reference 5: the hooks of a connection. */
import { Readable } from 'node:stream';
import { finalize, from, interval, map, of, throwError } from 'rxjs';
import {
  ConnectionHandler,
  WebSocketConnection,
  type WSErrorEvent,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { open, serve } from '../support/connection-app.js';
import { connect } from '../support/client.js';
import { deferred } from '../support/deferred.js';
import { within } from '../support/patience.js';
import { clientFrame, connectRaw } from '../support/raw-client.js';
import { Recorder } from '../support/recorder.js';

afterEach(closeApps);

async function* generate(...values: unknown[]) {
  yield* values;
}

describe('§5 connectionHandler', () => {
  it('runs onOpen once and first, onTerminate once and last', async () => {
    const { wsUrl, events } = await serve(() => {
      events.push('message');
      return 'reply';
    });
    const client = await connect(wsUrl);
    client.send('x');
    await client.next();
    await client.close(4002, 'why');
    await events.next('terminate');
    expect(events.order).toEqual(['open', 'message', 'terminate']);
  });

  describe('5.1 data', () => {
    it.each([
      ['text', 'x', 'x'],
      ['text', Buffer.from('é'), 'é'],
      ['blob', Buffer.from([255]), Buffer.from([255])],
      ['blob', 'é', Buffer.from('é')],
      ['object', '{"a":1}', { a: 1 }],
      ['object', Buffer.from('[2]'), [2]],
      ['object', '"é"', 'é'],
      ['object', 'null', null],
    ] as const)("of dataType '%s': %j is %j", async (dataType, sent, expected) => {
      const received: unknown[] = [];
      const { wsUrl } = await serve(
        (_ws, data) => {
          received.push(data);
          return 'ok';
        },
        { dataType },
      );
      const client = await connect(wsUrl);
      client.send(sent as string);
      expect(await client.next()).toBe('ok');
      expect(received).toEqual([expected]);
      if (dataType === 'blob') expect(Buffer.isBuffer(received[0])).toBe(true);
    });

    it.each(['text', 'blob', 'object'] as const)(
      "isBinary tells which kind of frame it came in, whatever the data became: '%s'",
      async (dataType) => {
        const received = new Recorder();
        @ConnectionHandler({ path: '/', dataType })
        class Handler {
          onMessage(_ws: WebSocketConnection, event: WSMessageEvent) {
            received.push('message', event);
          }
        }
        const { wsUrl } = await startApp({ providers: [Handler] });
        const client = await connect(wsUrl);
        client.send('1');
        client.send(Buffer.from('1'));
        const data = { text: '1', blob: Buffer.from('1'), object: 1 }[dataType];
        expect(await received.next('message')).toEqual([{ type: 'message', data, isBinary: false }]);
        expect(await received.next('message')).toEqual([{ type: 'message', data, isBinary: true }]);
      },
    );

    it("'text': a binary frame that is not UTF-8 is an onError and 1007", async () => {
      const { wsUrl, events } = await serve(() => undefined);
      const client = await connect(wsUrl);
      client.send(Buffer.from([0xff, 0xfe]));
      const [event] = (await events.next('error')) as [WSErrorEvent];
      expect(event).toMatchObject({ type: 'error', errors: [{ errCode: 1007, componentSignature: 'wsck' }] });
      expect((await client.closed).code).toBe(1007);
    });

    it.each([
      ['not JSON', 'not JSON'],
      ['no UTF-8', Buffer.from([0xff])],
    ])("'object': %s is an onError, and the connection goes on", async (_what, message) => {
      const { wsUrl, events } = await serve((_ws, data) => data, { dataType: 'object' });
      const client = await connect(wsUrl);
      client.send(message);
      client.send('{"next":1}');
      const [event] = (await events.next('error')) as [WSErrorEvent];
      expect(event.errors[0]).toMatchObject({ errCode: 1007, componentSignature: 'json' });
      expect(await client.next()).toBe('{"next":1}');
    });
  });

  describe('5.2 onTerminate', () => {
    it.each([
      ['the close frame’s code and text', 4005, 'why ✓', { code: 4005, reason: 'why ✓' }],
      ['a code without a text', 1000, undefined, { code: 1000, reason: undefined }],
      ['1005 if it carried none', undefined, undefined, { code: 1005, reason: undefined }],
    ])('gets %s', async (_what, code, reason, expected) => {
      const { client, events } = await open();
      await client.close(code, reason);
      expect((await events.next('terminate'))[0]).toEqual({ type: 'terminate', ...expected });
    });

    it('gets 1006 if the connection broke', async () => {
      const { client, events } = await open();
      client.socket.terminate();
      expect((await events.next('terminate'))[0]).toEqual({
        type: 'terminate',
        code: 1006,
        reason: undefined,
      });
    });
  });

  describe('5.3 what onMessage returns is sent back', () => {
    it.each([
      ['a value', () => 'value', ['value']],
      ['an object', () => ({ a: 1 }), ['{"a":1}']],
      ['a promise', async () => 'promised', ['promised']],
      ['an Observable', () => from(['1', '2', '3']), ['1', '2', '3']],
      ['a promise of an Observable', async () => of('a', null, undefined, 'b'), ['a', 'b']],
      ['nothing for undefined', () => undefined, []],
      ['nothing for null', async () => null, []],
      ['a number, as JSON', () => 42.5, ['42.5']],
      ['zero', () => 0, ['0']],
      ['a promise of a number', async () => -1, ['-1']],
      ['a number that JSON has not', () => NaN, ['null']],
      ['true', () => true, ['true']],
      ['a promise of false', async () => false, ['false']],
      ['an Observable of these', () => from([1, false, '2']), ['1', 'false', '2']],
      ['an array is no stream', () => [1, 2], ['[1,2]']],
    ])('%s', async (_what, result, expected) => {
      const { wsUrl } = await serve((ws, data) => {
        if (data === 'last') return ws.send('last');
        return result();
      });
      const client = await connect(wsUrl);
      client.send('x');
      client.send('last');
      expect(await within(client.take(expected.length + 1))).toEqual([...expected, 'last']);
    });

    it.each<[string, () => unknown, string[]]>([
      [
        'an async iterable',
        () => generate('a', undefined, 1, null, { b: 2 }, true),
        ['a', '1', '{"b":2}', 'true'],
      ],
      ['a promise of an async iterable', async () => generate('a', 'b'), ['a', 'b']],
      ['a Readable', () => Readable.from(['a', 'b']), ['a', 'b']],
      ['a promise of a Readable', async () => Readable.from(['a', 'b']), ['a', 'b']],
    ])('each value of %s', async (_what, result, expected) => {
      const { wsUrl } = await serve((_ws, data) => (data === 'last' ? 'last' : result()));
      const client = await connect(wsUrl);
      client.send('x');
      expect(await within(client.take(expected.length))).toEqual(expected);
      client.send('last');
      expect(await client.next()).toBe('last');
    });

    it('an Observable is unsubscribed when the connection closes', async () => {
      let unsubscribed: () => void = () => undefined;
      const end = new Promise<void>((resolve) => (unsubscribed = resolve));
      const { wsUrl } = await serve(() =>
        interval(1).pipe(
          map(String),
          finalize(() => unsubscribed()),
        ),
      );
      const client = await connect(wsUrl);
      client.send('x');
      expect(await client.take(2)).toEqual(['0', '1']);
      client.socket.terminate();
      await end;
    });

    it('a Readable of bytes goes out as binary messages', async () => {
      const { wsUrl } = await serve(() => Readable.from([Buffer.from([1, 2]), Buffer.from([3])]));
      const client = await connect(wsUrl);
      client.send('x');
      for (const bytes of [[1, 2], [3]]) {
        expect(await client.nextReceived()).toEqual({ data: Buffer.from(bytes), isBinary: true });
      }
    });

    it('an async iterable that was returned does not hold up the next message', async () => {
      const gate = deferred<void>();
      const { wsUrl } = await serve((_ws, data) =>
        data === 'next'
          ? 'next'
          : (async function* () {
              yield 'first';
              await gate.promise;
              yield 'last';
            })(),
      );
      const client = await connect(wsUrl);
      client.send('x');
      client.send('next');
      expect((await client.take(2)).sort()).toEqual(['first', 'next']);
      gate.resolve();
      expect(await client.next()).toBe('last');
    });

    it('an async iterable is ended when the connection closes: its finally runs', async () => {
      const ended = deferred<string>();
      const { wsUrl } = await serve(async function* () {
        try {
          for (let index = 0; ; index++) {
            yield index;
            await new Promise(setImmediate);
          }
        } finally {
          ended.resolve('finally');
        }
      });
      const client = await connect(wsUrl);
      client.send('x');
      expect(await within(client.take(2))).toEqual(['0', '1']);
      client.socket.terminate();
      expect(await within(ended.promise)).toBe('finally');
    });

    it('a Readable is destroyed when the connection closes', async () => {
      const closed = deferred<string>();
      const { wsUrl } = await serve(() => {
        const stream = new Readable({ objectMode: true, read: () => undefined });
        stream.on('close', () => closed.resolve('closed'));
        stream.push('first');
        return stream;
      });
      const client = await connect(wsUrl);
      client.send('x');
      expect(await client.next()).toBe('first');
      client.socket.terminate();
      expect(await within(closed.promise)).toBe('closed');
    });

    it.each<[string, () => unknown]>([
      [
        'an async iterable',
        async function* () {
          yield 'first';
          throw new Error('broken');
        },
      ],
      [
        'a Readable',
        () =>
          new Readable({
            objectMode: true,
            read() {
              this.destroy(new Error('broken'));
            },
          }),
      ],
    ])('%s that fails is an onError, and the connection goes on', async (_what, result) => {
      const { wsUrl, events } = await serve((_ws, data) => (data === 'next' ? 'next' : result()));
      const client = await connect(wsUrl);
      client.send('x');
      const [event] = (await within(events.next('error'))) as [WSErrorEvent];
      expect(event.errors[0]).toMatchObject({ message: 'broken', componentSignature: 'user' });
      client.send('next');
      let reply = await client.next();
      if (reply === 'first') reply = await client.next();
      expect(reply).toBe('next');
    });

    it('a failing Observable, and a value that can not be sent, are onErrors', async () => {
      const { wsUrl, events } = await serve((_ws, data) =>
        data === 'stream' ? throwError(() => new Error('broken')) : Symbol('value'),
      );
      const client = await connect(wsUrl);
      client.send('stream');
      client.send('symbol');
      expect(((await events.next('error')) as [WSErrorEvent])[0].errors[0].message).toBe('broken');
      expect(((await events.next('error')) as [WSErrorEvent])[0].errors[0].message).toMatch(/a symbol/);
    });
  });
});

describe('8 maxFragments', () => {
  it('a message in more frames: close 1008, onError', async () => {
    const { port, events } = await serve((_ws, data) => data, { maxFragments: 4 });
    const client = await connectRaw(port);
    const fragments = (count: number) =>
      Array.from({ length: count }, (_, index) =>
        clientFrame(index === 0 ? 1 : 0, String(index), { fin: index === count - 1 }),
      );
    client.write(...fragments(4));
    expect((await client.frame()).payload.toString()).toBe('0123');
    client.write(...fragments(6));
    expect(await within(client.closeCode())).toBe(1008);
    const [event] = (await events.next('error')) as [WSErrorEvent];
    expect(event.errors[0]).toMatchObject({ errCode: 1008, componentSignature: 'wsck' });
    client.socket.destroy();
  });
});
