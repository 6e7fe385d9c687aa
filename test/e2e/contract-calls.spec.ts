/** Calls, streams and asks under strain (reference 17.4): each ends exactly once, and nothing is left of it. */
import { Injectable, Scope } from '@nestjs/common';
import { interval, Observable } from 'rxjs';
import {
  ConnectionHandler,
  WSSHandler,
  type ConnectionHandlerOptions,
  type ConnectionOf,
  type WSErrorEvent,
  type WSTerminateEvent,
} from 'nestjs-4d-websocket';
import {
  FourDWebSocket,
  type ClientErrorEvent,
  type ClientOptions,
  type ContractClientHandler,
} from 'nestjs-4d-websocket/client';
import { ConnectionLostError, defineContract, RpcError, type Schema } from 'nestjs-4d-websocket/contract';
import { z } from 'zod';
import { closeApps, startApp } from '../support/app.js';
import { connect } from '../support/client.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { deferred } from '../support/deferred.js';
import { until, within } from '../support/patience.js';
import { Random } from '../support/random.js';
import { Recorder } from '../support/recorder.js';
import { quiet, turns } from '../support/turns.js';

const anything: Schema<any> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
};
const endless: Schema<any> = {
  '~standard': { version: 1, vendor: 'test', validate: () => new Promise<never>(() => undefined) },
};

const api = defineContract({
  receives: { note: anything },
  sends: { tell: anything },
  calls: {
    work: { request: anything, response: z.number() },
    again: { request: anything, response: z.number(), idempotent: true },
    unchecked: { request: anything, response: endless },
  },
  streams: { items: { request: anything, item: z.number() } },
  asks: { ask: { request: anything, response: anything } },
});
type Api = typeof api;
type Serve = (ws: ConnectionOf<Api>, data: any, signal: AbortSignal) => any;

/** What the handler of the server does, by the name of its method. */
let behaviour: Record<string, Serve>;
let events: Recorder;

class Handler {
  onOpen(ws: ConnectionOf<Api>) {
    events.push('open', ws);
    return behaviour.onOpen?.(ws, undefined, undefined!);
  }
  note(ws: ConnectionOf<Api>, data: unknown, signal: AbortSignal) {
    return behaviour.note?.(ws, data, signal);
  }
  work(ws: ConnectionOf<Api>, data: unknown, signal: AbortSignal) {
    return behaviour.work!(ws, data, signal);
  }
  again(ws: ConnectionOf<Api>, data: unknown, signal: AbortSignal) {
    return behaviour.again!(ws, data, signal);
  }
  unchecked() {
    return 1;
  }
  items(ws: ConnectionOf<Api>, data: unknown, signal: AbortSignal) {
    return behaviour.items!(ws, data, signal);
  }
  onError(_ws: unknown, { errors: [{ errCode, message }] }: WSErrorEvent) {
    events.push('error', errCode, message);
  }
  onTerminate(_ws: unknown, { code }: WSTerminateEvent) {
    events.push('terminate', code);
  }
}

const clients: FourDWebSocket<unknown, Api>[] = [];

beforeEach(() => {
  behaviour = {};
  events = new Recorder();
});
afterEach(async () => {
  for (const ws of clients.splice(0)) ws.terminate();
  await closeApps();
});

function start(options: ConnectionHandlerOptions = {}) {
  @ConnectionHandler({ path: '/', contract: api, ...options })
  class Served extends Handler {}
  return startApp({ providers: [Served] });
}

function open(
  url: string,
  handler: Partial<ContractClientHandler<Api>> = {},
  options: Partial<ClientOptions> = {},
): FourDWebSocket<unknown, Api> {
  const ws = new FourDWebSocket(
    url,
    { tell: () => undefined, ask: () => true, ...handler },
    { contract: api, reconnect: { minDelay: 1, maxDelay: 5 }, ...options },
  );
  clients.push(ws);
  return ws;
}

describe('a call', () => {
  it('whose answer does not fit fails, and nothing else', async () => {
    behaviour.work = () => 'no number';
    const { wsUrl } = await start();
    const ws = open(wsUrl);
    await expect(within(ws.call(api.work(1)), 5_000)).rejects.toMatchObject({ name: 'SchemaError' });
    await expect(within(ws.call(api.unchecked(1), { timeout: 30 }), 5_000)).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    behaviour.work = () => 7;
    expect(await ws.call(api.work(1))).toBe(7);
  });

  it('made before there is a connection waits for one; without a buffer it fails', async () => {
    behaviour.work = (_ws, data) => data;
    const { wsUrl } = await start();
    const ws = open(wsUrl);
    const unbuffered = open(wsUrl, {}, { buffer: false });
    const small = open(wsUrl, {}, { maxBufferedAmount: 100 });
    const calls = [1, 2, 3].map((data) => ws.call(api.work(data)));
    await expect(unbuffered.call(api.work(1))).rejects.toBeInstanceOf(ConnectionLostError);
    await expect(small.call(api.work('x'.repeat(100)))).rejects.toBeInstanceOf(RangeError);
    expect(await small.call(api.work(4))).toBe(4);
    expect(await Promise.all(calls)).toEqual([1, 2, 3]);
    expect(await unbuffered.call(api.work(5))).toBe(5);
  });

  it('that is given up while there is no connection is never made', async () => {
    behaviour.work = (_ws, data) => {
      events.push('work', data);
      return data;
    };
    const { wsUrl } = await start();
    const ws = open(wsUrl);
    const controller = new AbortController();
    const call = ws.call(api.work(1), { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    const stream = ws.stream(api.items(1), { signal: AbortSignal.abort(new Error('before')) });
    await expect(stream.next()).rejects.toThrow('before');
    expect(await ws.call(api.work(2))).toBe(2);
    expect(events.unread('work')).toEqual([[2]]);
  });

  it('that waits when the client is ended, or after that, is lost', async () => {
    const untilGone: Serve = (_ws, _data, signal) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error)),
      );
    behaviour = { work: untilGone, again: untilGone, items: untilGone };
    const { wsUrl } = await start();
    for (const isOpen of [true, false]) {
      const ws = open(wsUrl);
      if (isOpen) await events.next('open');
      const call = ws.call(api.again(1)).catch((error: unknown) => error);
      const reading = ws
        .stream(api.items(1))
        .next()
        .catch((error: unknown) => error);
      ws.terminate();
      expect(await within(call, 8_000)).toBeInstanceOf(ConnectionLostError);
      expect(await within(reading, 8_000)).toBeInstanceOf(ConnectionLostError);
      await expect(ws.call(api.work(1))).rejects.toBeInstanceOf(ConnectionLostError);
      await expect(ws.stream(api.items(1)).next()).rejects.toBeInstanceOf(ConnectionLostError);
    }
  });

  it('in a hook of the client is answered, however much the server says meanwhile', async () => {
    behaviour = {
      onOpen: (ws) => ws.send(api.tell('go')),
      work(ws) {
        for (let count = 0; count < 300; count++) ws.send(api.tell(count));
        return 7;
      },
    };
    const { wsUrl } = await start();
    const answered = deferred<unknown>();
    const told: unknown[] = [];
    open(wsUrl, {
      async tell(ws, data) {
        if (data !== 'go') told.push(data);
        else
          answered.resolve(await ws.call(api.work(1), { timeout: 2_000 }).catch((error: unknown) => error));
      },
    });
    expect(await within(answered.promise, 5_000)).toBe(7);
    await until(() => told.length === 300);
  });

  it('in a hook of the client that had let much wait before', async () => {
    behaviour.work = () => 7;
    behaviour.onOpen = (ws) => {
      for (let count = 0; count < 400; count++) ws.send(api.tell('x'.repeat(2_000)));
    };
    const { wsUrl } = await start();
    const answered = deferred<unknown>();
    let told = 0;
    open(wsUrl, {
      async tell(ws) {
        if (told++ > 0) return;
        // The socket is read until it is paused.
        await turns(50);
        answered.resolve(await ws.call(api.work(1), { timeout: 2_000 }).catch((error: unknown) => error));
      },
    });
    expect(await within(answered.promise, 5_000)).toBe(7);
    await until(() => told === 400);
    expect(told).toBe(400);
  });

  it('10,000 of several clients, with failures, cuts and cancellations: each ends exactly once', async () => {
    const COUNT = 10_000;
    const CLIENTS = 5;
    let running = 0;
    behaviour.work = behaviour.again = async (_ws, { n, turnsLong, fails }) => {
      running++;
      try {
        if (turnsLong > 0) await turns(turnsLong as number);
        if (fails) throw new Error('secret');
        return n;
      } finally {
        running--;
      }
    };
    behaviour.items = async function* (_ws, { to }) {
      running++;
      try {
        for (let n = 1; n <= to; n++) yield n;
      } finally {
        running--;
      }
    };
    const { port } = await start({ concurrency: 8 });
    const random = new Random(14);
    const proxy = await CuttingProxy.start(random, [port], 20_000);
    proxy.cut();
    const ends = { result: 0, failure: 0, lost: 0, cancelled: 0, late: 0 };
    try {
      const sockets = Array.from({ length: CLIENTS }, () => open(proxy.url));
      const one = async (n: number): Promise<void> => {
        const ws = sockets[n % CLIENTS]!;
        const idempotent = random.next() < 0.5;
        const fails = random.next() < 0.2;
        const data = { n, turnsLong: random.below(3), fails };
        const controller = random.next() < 0.1 ? new AbortController() : undefined;
        const delay = random.below(10);
        if (controller) void turns(delay).then(() => controller.abort(new Error('given up')));
        let isOver = 0;
        const call = ws.call(idempotent ? api.again(data) : api.work(data), {
          timeout: 30_000,
          signal: controller?.signal,
        });
        try {
          const result = await call;
          expect(result).toBe(n);
          expect(fails).toBe(false);
          ends.result++;
        } catch (error) {
          if (error instanceof RpcError) {
            expect([error.code, fails]).toEqual([-32603, true]);
            ends.failure++;
          } else if (error instanceof ConnectionLostError) {
            // What may be made twice is answered in spite of cuts.
            expect(idempotent).toBe(false);
            ends.lost++;
          } else {
            expect((error as Error).message).toBe('given up');
            expect(controller).toBeDefined();
            ends.cancelled++;
          }
        } finally {
          isOver++;
        }
        expect(isOver).toBe(1);
      };
      let next = 0;
      const worker = async (): Promise<void> => {
        while (next < COUNT) {
          const n = next++;
          await one(n);
          if (n % 100 !== 0) continue;
          let last = 0;
          try {
            for await (const item of sockets[n % CLIENTS]!.stream(api.items({ to: 200 })))
              expect(item).toBe(++last);
            expect(last).toBe(200);
          } catch (error) {
            expect(error).toBeInstanceOf(ConnectionLostError);
          }
        }
      };
      await Promise.all(Array.from({ length: 100 }, worker));
      expect(ends.result + ends.failure + ends.lost + ends.cancelled).toBe(COUNT);
      expect(proxy.cuts).toBeGreaterThan(20);
      for (const count of [ends.result, ends.failure, ends.lost, ends.cancelled])
        expect(count).toBeGreaterThan(10);
      proxy.rest();
      // Nothing is left: what was cancelled, or lost, has stopped, and calls go on as before.
      await until(() => running === 0);
      for (const ws of sockets) expect(await ws.call(api.work({ n: 1, turnsLong: 0, fails: false }))).toBe(1);
      for (const ws of sockets) expect(ws.bufferedAmount).toBe(0);
      for (const ws of sockets) ws.terminate();
      await until(() => sockets.every(({ status }) => status === 'Closed'));
    } finally {
      await proxy.close();
    }
  });
});

describe('concurrency', () => {
  it('begins calls in order, no more at once than it says, and onTerminate is last', async () => {
    const LIMIT = 3;
    const ends = Array.from({ length: 8 }, () => deferred<number>());
    const begun: number[] = [];
    behaviour.work = (_ws, n) => {
      begun.push(n as number);
      return ends[n]!.promise.then((result) => {
        events.push('ended', n);
        return result;
      });
    };
    const { wsUrl } = await start({ concurrency: LIMIT });
    const client = await connect(wsUrl);
    for (let n = 0; n < 8; n++)
      client.send(JSON.stringify({ jsonrpc: '2.0', id: n, method: 'work', params: [n] }));
    await quiet(() => begun.length);
    expect(begun).toEqual([0, 1, 2]);
    ends[1]!.resolve(1);
    await until(() => begun.length === 4);
    expect(JSON.parse(String(await client.next()))).toMatchObject({ id: 1, result: 1 });
    ends[2]!.resolve(2);
    ends[3]!.resolve(3);
    await until(() => begun.length === 6);
    expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
    client.socket.terminate();
    await quiet(() => events.order.length);
    expect(events.unread('terminate')).toEqual([]);
    for (const end of ends) end.resolve(0);
    await events.next('terminate');
    expect(events.order.at(-1)).toBe('terminate');
    // What was waiting when the client left is never begun.
    expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('1: in order, one after the other', async () => {
    const ends = [deferred<number>(), deferred<number>()];
    const begun: number[] = [];
    behaviour.work = (_ws, n) => {
      begun.push(n as number);
      return ends[n]!.promise;
    };
    const { wsUrl } = await start();
    const ws = open(wsUrl);
    const calls = [ws.call(api.work(0)), ws.call(api.work(1))];
    await until(() => begun.length > 0);
    await quiet(() => begun.length);
    expect(begun).toEqual([0]);
    ends[1]!.resolve(1);
    ends[0]!.resolve(0);
    expect(await Promise.all(calls)).toEqual([0, 1]);
  });
});

describe('a stream', () => {
  it('to a slow reader pauses its source, and no buffer grows', async () => {
    let given = 0;
    behaviour.items = async function* (_ws, { to }) {
      while (given < to) yield ++given;
    };
    const { wsUrl } = await start();
    const ws = open(wsUrl);
    let read = 0;
    let ahead = 0;
    for await (const item of ws.stream(api.items({ to: 50_000 }))) {
      expect(item === ++read).toBe(true);
      ahead = Math.max(ahead, given - read);
      if (read % 5_000 === 1) {
        await quiet(() => given);
        ahead = Math.max(ahead, given - read);
      }
    }
    expect(read).toBe(50_000);
    // Two windows of 64, the item that waits for its turn.
    expect(ahead).toBeLessThanOrEqual(130);
  });

  it('an Observable that outruns its reader is held for a while, then fails', async () => {
    const left = deferred<void>();
    const source = (count: number) =>
      new Observable<number>((subscriber) => {
        for (let n = 1; n <= count && !subscriber.closed; n++) subscriber.next(n);
        if (!subscriber.closed) subscriber.complete();
        return () => left.resolve();
      });
    behaviour.items = (_ws, { count }) => source(count as number);
    const { wsUrl } = await start();
    const ws = open(wsUrl);
    let read = 0;
    for await (const item of ws.stream(api.items({ count: 1000 }))) {
      expect(item).toBe(++read);
      if (read % 100 === 0) await turns(2);
    }
    expect(read).toBe(1000);
    const reading = (async () => {
      for await (const _item of ws.stream(api.items({ count: 1_000_000 }))) await turns(1);
    })();
    await expect(reading).rejects.toMatchObject({ name: 'RpcError', code: -32603 });
    await left.promise;
    expect(await events.next('error')).toEqual([1011, expect.stringContaining('does not keep up')]);
  });

  it.each(['leaves the loop', 'aborts', 'goes away', 'is cut off'])(
    'of a client that %s ends at its source',
    async (how) => {
      const { wsUrl, port } = await start();
      const proxy = await CuttingProxy.start(new Random(1), [port], 1);
      try {
        for (const kind of ['iterable', 'observable']) {
          const [ended, aborted] = [deferred<void>(), deferred<void>()];
          behaviour.items = (_ws, _data, signal) => {
            signal.addEventListener('abort', () => aborted.resolve());
            if (kind === 'observable') {
              return new Observable<number>((subscriber) => {
                const subscription = interval(1).subscribe(subscriber);
                return () => {
                  subscription.unsubscribe();
                  ended.resolve();
                };
              });
            }
            return (async function* () {
              try {
                for (let n = 0; ; n++) {
                  yield n;
                  await turns(1);
                }
              } finally {
                ended.resolve();
              }
            })();
          };
          const ws = open(how === 'is cut off' ? proxy.url : wsUrl);
          const controller = new AbortController();
          const reading = (async () => {
            let read = 0;
            for await (const _item of ws.stream(api.items({}), { signal: controller.signal })) {
              if (++read !== 3) continue;
              if (how === 'leaves the loop') break;
              else if (how === 'aborts') controller.abort(new Error('enough'));
              else if (how === 'goes away') ws.terminate();
              else proxy.goDown();
            }
          })();
          if (how === 'leaves the loop') await reading;
          else if (how === 'aborts') await expect(reading).rejects.toThrow('enough');
          else await expect(reading).rejects.toBeInstanceOf(ConnectionLostError);
          await within(Promise.all([ended.promise, aborted.promise]), 5_000);
          proxy.isDown = false;
        }
        // That the line broke is told; nothing else.
        expect(events.unread('error').filter(([code]) => code !== 1006)).toEqual([]);
      } finally {
        await proxy.close();
      }
    },
  );

  it('that is given up before onOpen is over ends, though it was asked for before the handler was made', async () => {
    const [made, opened] = [deferred<void>(), deferred<void>()];
    const ended = deferred<void>();
    @Injectable({ scope: Scope.REQUEST })
    class Slow {}
    @ConnectionHandler({ contract: api })
    class Late extends Handler {
      constructor(readonly slow: Slow) {
        super();
      }
    }
    @WSSHandler({ path: '/', dataType: 'object' })
    class Server {
      onConnection() {
        return Late;
      }
    }
    behaviour = {
      onOpen: () => opened.promise,
      items: () =>
        new Observable(() => {
          events.push('begun');
          return () => ended.resolve();
        }),
    };
    const { wsUrl } = await startApp({
      providers: [
        { provide: Slow, scope: Scope.REQUEST, useFactory: () => made.promise.then(() => new Slow()) },
        Late,
        Server,
      ],
    });
    const client = await connect(wsUrl);
    client.send('{"jsonrpc":"2.0","id":1,"method":"items","items":64}');
    client.send('{"jsonrpc":"2.0","id":2,"method":"again"}');
    behaviour.again = () => 2;
    // It is there, before the handler.
    await turns(20);
    made.resolve();
    await events.next('open');
    client.send('{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":1}}');
    expect(JSON.parse(String(await within(client.next(), 5_000)))).toMatchObject({
      id: 1,
      error: { code: -32800 },
    });
    opened.resolve();
    expect(JSON.parse(String(await client.next()))).toEqual({ jsonrpc: '2.0', id: 2, result: 2 });
    expect(events.unread('begun')).toEqual([]);
  });
});

describe('an ask', () => {
  it('in onOpen, in a message and in a call is answered', async () => {
    behaviour = {
      onOpen: async (ws) => events.push('answer', await ws.call(api.ask('onOpen'))),
      note: async (ws) => events.push('answer', await ws.call(api.ask('note'))),
      work: async (ws, data) => Number(await ws.call(api.ask(data))),
    };
    const { wsUrl } = await start();
    const ws = open(wsUrl, { ask: (_ws, data) => (typeof data === 'number' ? data + 1 : data) });
    ws.send(api.note(1));
    expect(await ws.call(api.work(41))).toBe(42);
    expect(events.unread('answer')).toEqual([['onOpen'], ['note']]);
  });

  it('is answered though more messages wait than may', async () => {
    const notes: unknown[] = [];
    behaviour.note = async (ws, data) => {
      notes.push(data);
      if (data === 0) events.push('answer', await ws.call(api.ask('sure?'), { timeout: 3_000 }));
    };
    const { wsUrl } = await start({ maxQueuedMessages: 10 });
    const ws = open(wsUrl);
    for (let n = 0; n < 60; n++) ws.send(api.note(n));
    expect(await within(events.next('answer'), 5_000)).toEqual([true]);
    await ws.drain();
    await until(() => notes.length === 60);
    expect(notes).toEqual(Array.from({ length: 60 }, (_, n) => n));
  });

  it('whose answer JSON can not carry fails at once', async () => {
    const failed = deferred<ClientErrorEvent>();
    behaviour.work = async (ws) => (await ws.call(api.ask(1)).catch(({ code }) => code)) as number;
    const { wsUrl } = await start();
    const ws = open(wsUrl, { ask: () => 1n, onError: (_ws, event) => failed.resolve(event) });
    expect(await within(ws.call(api.work(1)), 5_000)).toBe(-32603);
    expect((await failed.promise).errors[0].message).toContain('BigInt');
  });

  it('to a client that leaves is lost', async () => {
    behaviour.work = async (ws) => {
      events.push('asked', await ws.call(api.ask(1)).catch((error: unknown) => error));
      events.push('after', await ws.call(api.ask(1)).catch((error: unknown) => error));
      return 1;
    };
    const { wsUrl } = await start();
    open(wsUrl, {
      ask(ws) {
        ws.terminate();
        return new Promise(() => undefined);
      },
    })
      .call(api.work(1))
      .catch(() => undefined);
    expect(await within(events.next('asked'), 8_000)).toEqual([expect.any(ConnectionLostError)]);
    expect(await events.next('after')).toEqual([expect.any(ConnectionLostError)]);
    expect(await events.next('terminate')).toBeDefined();
  });

  it('that the server gives up fires the signal; one that waits behind a hook is not begun', async () => {
    const [free, seen] = [deferred<void>(), [] as unknown[]];
    const aborted = deferred<void>();
    behaviour.work = async (ws, n) => {
      await ws.call(api.ask(n), { timeout: 30 }).catch(({ name }) => events.push('asked', name));
      return 1;
    };
    const { wsUrl } = await start();
    const ws = open(wsUrl, {
      tell: () => free.promise,
      ask(_ws, data, signal) {
        seen.push(data);
        signal.addEventListener('abort', () => aborted.resolve());
        return aborted.promise;
      },
    });
    expect(await ws.call(api.work('runs'))).toBe(1);
    await aborted.promise;
    behaviour.onOpen = undefined!;
    const [connection] = (await events.next('open')) as [ConnectionOf<Api>];
    connection.send(api.tell(1));
    expect(await ws.call(api.work('waits'))).toBe(1);
    free.resolve();
    expect(await ws.call(api.work('runs too'))).toBe(1);
    await until(() => seen.includes('runs too'));
    expect(seen).toEqual(['runs', 'runs too']);
  });

  it('of a connection that was lost is not answered on the next', async () => {
    const errors: unknown[] = [];
    behaviour.work = async (ws) => {
      void ws.call(api.ask(1)).catch(() => undefined);
      await turns(1);
      ws.terminate(1012);
      return 1;
    };
    const { wsUrl } = await start();
    const answered = deferred<void>();
    const ws = open(wsUrl, {
      async ask(client) {
        await until(() => client.status === 'Closing');
        answered.resolve();
        return true;
      },
      onError: (_ws, { errors: [{ message }] }) => errors.push(message),
    });
    await ws.call(api.work(1)).catch(() => undefined);
    await within(answered.promise, 5_000);
    behaviour.work = () => 2;
    expect(await ws.call(api.work(2))).toBe(2);
    await quiet(() => errors.length);
    expect(errors).toEqual([]);
  });

  it('is answered while the server shuts down, and what waits after it', async () => {
    const asked = deferred<void>();
    const answers = deferred<number>();
    behaviour.work = async (ws, data) => Number(await ws.call(api.ask(data)));
    const { wsUrl, close } = await start();
    const ws = open(
      wsUrl,
      {
        ask(_ws, data) {
          asked.resolve();
          return answers.promise.then((n) => n + data);
        },
      },
      { reconnect: false },
    );
    const calls = [ws.call(api.work(1)), ws.call(api.work(2))];
    await asked.promise;
    const closing = close();
    await turns(20);
    answers.resolve(40);
    expect(await Promise.all(calls)).toEqual([41, 42]);
    await closing;
    expect(await events.next('terminate')).toEqual([1001]);
  });
});
