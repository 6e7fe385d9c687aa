import { AsyncLocalStorage } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import { ForbiddenException } from '@nestjs/common';
import type { HookContext } from 'nestjs-4d-websocket';
import { heardOn, stopHearing, trace } from '../../support/diagnostics.js';
import { Recorder } from '../../support/recorder.js';
import { startWay, type WayApp } from '../../support/ways/way-app.js';
import { WAYS, WAYS_WITH_SERVER_HANDLER } from '../../support/ways/ways.js';

const nextTurn = () => new Promise(setImmediate);

describe.each(WAYS)('18.1 diagnostics channels: $name', (way) => {
  let app: WayApp;
  beforeAll(async () => {
    app = await startWay(way);
  });
  afterEach(stopHearing);
  afterAll(() => app.close());

  it('tells of each hook once, in order, and its context is that of all that the hook begins', async () => {
    const storage = new AsyncLocalStorage<HookContext>();
    const { start } = tracingChannel<HookContext, HookContext>('nestjs-4d-websocket:hook');
    start.bindStore(storage);
    try {
      const steps: string[] = [];
      const seen: string[] = [];
      const events = new Recorder();
      const failure = new Error('broken');
      trace('nestjs-4d-websocket:hook', (step, { hook, data, error, duration }) => {
        // When the synchronous part ends is no affair of the order.
        if (step === 'end' || step === 'asyncStart') return;
        steps.push(`${step} ${hook}${data === undefined ? '' : ` ${String(data)}`}`);
        if (step === 'error') expect(error).toBe(failure);
        if (step === 'asyncEnd') expect(duration).toBeGreaterThanOrEqual(0);
        if (step === 'asyncEnd' && hook === 'onTerminate') events.push('over');
      });
      const note = (): void => {
        const { hook, data } = storage.getStore()!;
        seen.push(`${hook}${data === undefined ? '' : ` ${String(data)}`}`);
      };
      const client = await app
        .serve({
          onOpen: note,
          async onMessage(_ws, message) {
            note();
            await nextTurn();
            note();
            if (message === 'fail') throw failure;
            return message;
          },
          onError: note,
          onTerminate: note,
        })
        .connect();
      client.send('one');
      client.send('fail');
      client.send('two');
      expect(await client.take(2)).toEqual(['one', 'two']);
      await client.close();
      await events.next('over');
      expect(steps).toEqual([
        'start onOpen',
        'asyncEnd onOpen',
        'start onMessage one',
        'asyncEnd onMessage one',
        'start onMessage fail',
        'error onMessage fail',
        'start onError',
        'asyncEnd onError',
        'asyncEnd onMessage fail',
        'start onMessage two',
        'asyncEnd onMessage two',
        'start onTerminate',
        'asyncEnd onTerminate',
      ]);
      expect(seen).toEqual([
        'onOpen',
        'onMessage one',
        'onMessage one',
        'onMessage fail',
        'onMessage fail',
        'onError',
        'onMessage two',
        'onMessage two',
        'onTerminate',
      ]);
    } finally {
      start.unbindStore(storage);
    }
  });

  it('tells of the handshake, the connection, each message in and out, and the close', async () => {
    const handshakes: string[] = [];
    trace('nestjs-4d-websocket:handshake', (step, { outcome, status, connection, server }) =>
      handshakes.push(`${step} ${outcome} ${status} ${connection?.wss === server}`),
    );
    const open = heardOn('nestjs-4d-websocket:connection:open');
    const close = heardOn('nestjs-4d-websocket:connection:close');
    const received = heardOn('nestjs-4d-websocket:message:received');
    const sent = heardOn('nestjs-4d-websocket:message:sent');
    const errors = heardOn('nestjs-4d-websocket:error');
    const over = new Recorder();
    const client = await app
      .serve({
        onMessage: (_ws, message) => `${message}!`,
        onTerminate: () => over.push('over'),
      })
      .connect();
    client.send('häppchen');
    expect(await client.next()).toBe('häppchen!');
    await client.close(4001, 'enough');
    await over.next('over');
    expect(handshakes.filter((step) => !step.startsWith('end') && !step.startsWith('start'))).toEqual([
      'asyncStart accepted 101 true',
      'asyncEnd accepted 101 true',
    ]);
    const { connection, server } = open[0]!;
    expect(connection.wss).toBe(server);
    expect(open).toEqual([{ server, connection }]);
    expect(received.map(({ data, ...event }) => [String(data), event])).toEqual([
      ['häppchen', { server, connection, isBinary: false, bytes: 9 }],
    ]);
    expect(sent.map(({ data, ...event }) => [String(data), event])).toEqual([
      ['häppchen!', { server, connection, isBinary: false, bytes: 10 }],
    ]);
    expect(close).toEqual([
      { server, connection, code: 4001, reason: 'enough', duration: expect.any(Number) },
    ]);
    expect(close[0]!.duration).toBeGreaterThan(0);
    expect(errors).toEqual([]);
  });
});

describe.each(WAYS_WITH_SERVER_HANDLER)('18.1 handshakes on the diagnostics channel: $name', (way) => {
  let app: WayApp;
  beforeAll(async () => {
    app = await startWay(way);
  });
  afterEach(stopHearing);
  afterAll(() => app.close());

  it.each<[string, () => unknown, string, number]>([
    [
      'an HttpException',
      () => {
        throw new ForbiddenException();
      },
      'refused',
      403,
    ],
    [
      'a rejection',
      async () => {
        await nextTurn();
        throw new TypeError('broken');
      },
      'failed',
      500,
    ],
  ])('that onConnection ends with %s', async (_what, onConnection, outcome, status) => {
    const storage = new AsyncLocalStorage<string>();
    const { start } = tracingChannel<string>('nestjs-4d-websocket:handshake');
    start.bindStore(storage, () => 'the handshake');
    try {
      const steps: unknown[][] = [];
      const over = new Recorder();
      trace('nestjs-4d-websocket:handshake', (step, context) => {
        if (step === 'end' || step === 'asyncStart') return;
        steps.push([step, context.outcome, context.status, (context.error as Error | undefined)?.message]);
        if (step === 'asyncEnd') over.push('over');
      });
      let store: string | undefined;
      const served = app.serve({
        async onConnection() {
          await nextTurn();
          store = storage.getStore();
          return onConnection();
        },
      });
      expect((await served.refused()).status).toBe(status);
      await over.next('over');
      expect(store).toBe('the handshake');
      expect(steps).toEqual([
        ['start', undefined, undefined, undefined],
        ...(outcome === 'failed' ? [['error', undefined, undefined, 'broken']] : []),
        ['asyncEnd', outcome, status, outcome === 'failed' ? 'broken' : undefined],
      ]);
    } finally {
      start.unbindStore(storage);
    }
  });
});
