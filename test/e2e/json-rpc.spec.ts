/** JSON-RPC 2.0 on the wire (reference 17.2, 17.3): the standard's own examples, clients of others, and what keeps to no standard. */
import { BadRequestException, HttpException } from '@nestjs/common';
import { Observable, concat, from, interval, range, throwError } from 'rxjs';
import { JSONRPCClient } from 'json-rpc-2.0';
import {
  ConnectionHandler,
  type ConnectionOf,
  type WSErrorEvent,
  type WSTerminateEvent,
} from 'nestjs-4d-websocket';
import { defineContract, type Schema } from 'nestjs-4d-websocket/contract';
import { z } from 'zod';
import { closeApps, startApp } from '../support/app.js';
import { connect, type TestClient } from '../support/client.js';
import { deferred } from '../support/deferred.js';
import { within } from '../support/patience.js';
import { TestProcess } from '../support/process.js';
import { Recorder } from '../support/recorder.js';
import { describeWith } from '../support/requirement.js';
import { quiet } from '../support/turns.js';

/** A schema that no library makes. */
function schema(validate: (value: unknown) => unknown): Schema<any> {
  return { '~standard': { version: 1, vendor: 'test', validate: validate as never } };
}

const anything = schema((value) => ({ value }));
const nothing = z.undefined();
const numbers = z.array(z.number());

const examples = defineContract(
  {
    receives: { update: numbers, notify_sum: numbers, notify_hello: z.number(), strange: anything },
    sends: { news: z.string() },
    calls: {
      subtract: {
        request: z.union([
          z.tuple([z.number(), z.number()]),
          z.object({ minuend: z.number(), subtrahend: z.number() }),
        ]),
        response: z.number(),
      },
      sum: { request: numbers, response: z.number() },
      get_data: { request: nothing, response: z.array(z.unknown()) },
      echo: { request: anything, response: anything },
      fail: { request: anything },
      hang: { request: anything, response: z.string() },
      askMe: { request: anything, response: anything },
      laterObservable: { request: anything, response: z.number() },
      badlyChecked: { request: schema((value) => check(value)), response: z.string() },
    },
    streams: {
      items: { request: anything, item: anything },
      laterItems: { request: anything, item: anything },
    },
    asks: { sure: { request: z.string(), response: z.boolean() } },
  },
  { timeout: 60 },
);
type Examples = typeof examples;

let events: Recorder;
/** What the schema of `badlyChecked` does. */
let check: (value: unknown) => unknown;
/** What the handler does, by the name of a member. */
let behaviour: Record<string, (ws: ConnectionOf<Examples>, data: any, signal: AbortSignal) => unknown>;

@ConnectionHandler({ path: '/', contract: examples })
class Handler {
  onOpen(ws: ConnectionOf<Examples>) {
    return behaviour.onOpen?.(ws, undefined, undefined!);
  }
  update(_ws: unknown, data: number[]) {
    events.push('update', data);
  }
  notify_sum(_ws: unknown, data: number[]) {
    events.push('notify_sum', data);
  }
  notify_hello(_ws: unknown, data: number) {
    events.push('notify_hello', data);
  }
  strange(ws: ConnectionOf<Examples>, data: unknown, signal: AbortSignal) {
    return behaviour.strange?.(ws, data, signal);
  }
  subtract(_ws: unknown, data: [number, number] | { minuend: number; subtrahend: number }) {
    return Array.isArray(data) ? data[0] - data[1] : data.minuend - data.subtrahend;
  }
  sum(_ws: unknown, data: number[]) {
    return data.reduce((sum, value) => sum + value, 0);
  }
  get_data() {
    return ['hello', 5];
  }
  echo(_ws: unknown, data: unknown) {
    return data;
  }
  fail(ws: ConnectionOf<Examples>, data: unknown, signal: AbortSignal) {
    return behaviour.fail!(ws, data, signal);
  }
  hang(ws: ConnectionOf<Examples>, data: unknown, signal: AbortSignal) {
    return behaviour.hang!(ws, data, signal);
  }
  askMe(ws: ConnectionOf<Examples>, data: unknown, signal: AbortSignal) {
    return behaviour.askMe!(ws, data, signal);
  }
  laterObservable(ws: ConnectionOf<Examples>, data: unknown, signal: AbortSignal) {
    return behaviour.laterObservable!(ws, data, signal);
  }
  badlyChecked() {
    return 'checked';
  }
  items(ws: ConnectionOf<Examples>, data: unknown, signal: AbortSignal) {
    return behaviour.items!(ws, data, signal);
  }
  laterItems(ws: ConnectionOf<Examples>, data: unknown, signal: AbortSignal) {
    return behaviour.laterItems!(ws, data, signal);
  }
  onError(_ws: unknown, { errors: [{ errCode, componentSignature, message }] }: WSErrorEvent) {
    events.push('error', errCode, componentSignature, message);
  }
  onTerminate(_ws: unknown, { code }: WSTerminateEvent) {
    events.push('terminate', code);
  }
}

beforeEach(() => {
  events = new Recorder();
  behaviour = {};
});
afterEach(closeApps);

/** A client that knows nothing of us. */
async function open(): Promise<TestClient> {
  const { wsUrl } = await startApp({ providers: [Handler] });
  return connect(wsUrl);
}

async function answer(client: TestClient): Promise<any> {
  return JSON.parse(String(await within(client.next(), 5_000)));
}

/** Whether the connection lives, and nothing is answered before. */
async function expectAlive(client: TestClient): Promise<void> {
  client.send('{"jsonrpc":"2.0","method":"echo","params":["alive"],"id":"alive"}');
  expect(await answer(client)).toEqual({ jsonrpc: '2.0', result: 'alive', id: 'alive' });
}

const request = (method: string, id: unknown, params?: unknown, more?: object): string =>
  JSON.stringify({ jsonrpc: '2.0', method, params, id, ...more });
const notify = (method: string, params?: unknown): string => request(method, undefined, params);

describe('section 7 of the standard', () => {
  const NOT_FOUND = { code: -32601, message: 'Method not found' };
  const INVALID = { code: -32600, message: 'Invalid Request' };

  it.each<[name: string, sent: string, answered: unknown]>([
    [
      'positional parameters',
      '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}',
      { jsonrpc: '2.0', result: 19, id: 1 },
    ],
    [
      'positional parameters, the other way round',
      '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
      { jsonrpc: '2.0', result: -19, id: 2 },
    ],
    [
      'named parameters',
      '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
      { jsonrpc: '2.0', result: 19, id: 3 },
    ],
    [
      'named parameters, the other way round',
      '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
      { jsonrpc: '2.0', result: 19, id: 4 },
    ],
    [
      'a method that there is none of',
      '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}',
      { jsonrpc: '2.0', error: NOT_FOUND, id: '1' },
    ],
    [
      'JSON that is none',
      '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
      { jsonrpc: '2.0', error: { code: -32700, message: 'Parse error' }, id: null },
    ],
    [
      'an invalid request',
      '{"jsonrpc": "2.0", "method": 1, "params": "bar"}',
      { jsonrpc: '2.0', error: INVALID, id: null },
    ],
    [
      'a batch of JSON that is none',
      '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},{"jsonrpc": "2.0", "method"]',
      { jsonrpc: '2.0', error: { code: -32700, message: 'Parse error' }, id: null },
    ],
    ['an empty batch', '[]', { jsonrpc: '2.0', error: INVALID, id: null }],
    ['an invalid batch that is not empty', '[1]', [{ jsonrpc: '2.0', error: INVALID, id: null }]],
    ['an invalid batch', '[1,2,3]', [1, 2, 3].map(() => ({ jsonrpc: '2.0', error: INVALID, id: null }))],
    [
      'a batch',
      `[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}]`,
      expect.arrayContaining([
        { jsonrpc: '2.0', result: 7, id: '1' },
        { jsonrpc: '2.0', result: 19, id: '2' },
        { jsonrpc: '2.0', error: INVALID, id: null },
        { jsonrpc: '2.0', error: NOT_FOUND, id: '5' },
        { jsonrpc: '2.0', result: ['hello', 5], id: '9' },
      ]),
    ],
  ])('%s', async (_name, sent, answered) => {
    const client = await open();
    client.send(sent);
    const given = await answer(client);
    expect(given).toEqual(answered);
    if (sent.includes('notify_hello')) {
      expect(given).toHaveLength(5);
      expect(await events.next('notify_hello')).toEqual([7]);
    }
    await expectAlive(client);
  });

  it('notifications, one of them of a method that there is none of, are not answered', async () => {
    const client = await open();
    client.send('{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}');
    client.send('{"jsonrpc": "2.0", "method": "foobar"}');
    await expectAlive(client);
    expect(await events.next('update')).toEqual([[1, 2, 3, 4, 5]]);
    expect(await events.next('error')).toEqual([400, 'json', expect.stringContaining('foobar')]);
  });

  it('a batch of nothing but notifications is not answered', async () => {
    const client = await open();
    client.send(
      '[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},{"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]',
    );
    await expectAlive(client);
    expect(events.order).toEqual(['notify_sum', 'notify_hello']);
  });
});

describe('clients of others', () => {
  it('json-rpc-2.0 calls, all at once and in a batch', async () => {
    const socket = await open();
    const client = new JSONRPCClient((payload) => socket.send(JSON.stringify(payload)));
    socket.socket.on('message', (data: Buffer) => client.receive(JSON.parse(data.toString())));
    const sums = Array.from({ length: 50 }, (_, index) => client.request('sum', [index, 1]));
    expect(await Promise.all(sums)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    expect(await client.request('echo', { héllo: '✓' })).toEqual({ héllo: '✓' });
    client.notify('update', [1, 2]);
    expect(await events.next('update')).toEqual([[1, 2]]);
    await expect(client.request('nowhere', undefined)).rejects.toMatchObject({ code: -32601 });
    await expect(client.request('sum', ['x', 1])).rejects.toMatchObject({
      code: -32602,
      message: 'Invalid params',
      data: [expect.objectContaining({ path: [0] })],
    });
    const batch = await client.requestAdvanced([
      { jsonrpc: '2.0', id: 'a', method: 'sum', params: [1, 2] },
      { jsonrpc: '2.0', id: 'b', method: 'sum', params: [3, 4] },
    ]);
    expect(batch.map(({ id, result }) => [id, result as number])).toEqual([
      ['a', 3],
      ['b', 7],
    ]);
  });

  describeWith('python3-websockets', '/usr/lib/python3/dist-packages/websockets', 'a page of Python', () => {
    it('calls, reads a stream, hears what it is told, and answers what it is asked', async () => {
      behaviour = {
        items: () => range(1, 200),
        askMe: (ws, question) => ws.call(examples.sure(question as string)),
      };
      const { wsUrl } = await startApp({ providers: [Handler] });
      behaviour.onOpen = (ws) => ws.send(examples.news('wélcome'));
      const client = new TestProcess('/usr/bin/python3', ['test/e2e/rpc_client.py', wsUrl]);
      try {
        expect(await client.exited).toBe(0);
        expect(client.output.split('\n').map((line) => JSON.parse(line) as unknown)).toEqual([
          ['news', 'wélcome'],
          ['sum', 10],
          ['error', -32602],
          ['items', 200, 200],
          ['left', 5],
          ['asked', 'really?'],
          ['askMe', true],
        ]);
      } finally {
        await client.stop();
      }
    });
  });
});

describe('what is no JSON-RPC', () => {
  it.each<[name: string, sent: unknown, id: unknown]>([
    ['no method', { jsonrpc: '2.0', id: 1 }, null],
    ['another version', { jsonrpc: '1.0', method: 'sum', params: [1], id: 1 }, 1],
    ['no version', { method: 'sum', params: [1], id: 'x' }, 'x'],
    ['an id that is an object', { jsonrpc: '2.0', method: 'sum', params: [1], id: {} }, null],
    ['an id that is true', { jsonrpc: '2.0', method: 'sum', params: [1], id: true }, null],
    ['a method that is an array', { jsonrpc: '2.0', method: ['sum'], id: 1 }, 1],
    ['parameters that are a string', { jsonrpc: '2.0', method: 'sum', params: 'x', id: 1 }, 1],
    ['parameters that are null', { jsonrpc: '2.0', method: 'sum', params: null, id: 1 }, 1],
    ['a response to nothing', { jsonrpc: '2.0', result: 1, id: 7 }, null],
    ['an error to nothing', { jsonrpc: '2.0', error: { code: 1, message: 'x' }, id: 7 }, null],
    ['a number', 7, null],
    ['null', null, null],
    ['a batch in a batch', [[{ jsonrpc: '2.0', method: 'sum', params: [1], id: 1 }]], null],
    ['a stream that takes no items', { jsonrpc: '2.0', method: 'items', id: 1, items: 0 }, 1],
    ['a stream that takes half an item', { jsonrpc: '2.0', method: 'items', id: 1, items: 0.5 }, 1],
  ])('%s: -32600, and the connection lives', async (_name, sent, id) => {
    const client = await open();
    client.send(JSON.stringify(sent));
    const given = [await answer(client)].flat();
    expect(given).toEqual([{ jsonrpc: '2.0', id, error: expect.objectContaining({ code: -32600 }) }]);
    await expectAlive(client);
  });

  it('an error about nothing is not answered: two ends would go on for ever', async () => {
    const client = await open();
    client.send('{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null}');
    client.send('[{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}]');
    await expectAlive(client);
  });

  it('a batch of more than 1000', async () => {
    const client = await open();
    const one = { jsonrpc: '2.0', method: 'sum', params: [1], id: 1 };
    client.send(JSON.stringify(Array.from({ length: 1001 }, (_, id) => ({ ...one, id }))));
    expect(await answer(client)).toMatchObject({ id: null, error: { code: -32600 } });
    client.send(JSON.stringify(Array.from({ length: 1000 }, (_, id) => ({ ...one, id }))));
    expect(await answer(client)).toHaveLength(1000);
    await expectAlive(client);
  });

  it('an id that is in use: the second is refused, the first answered', async () => {
    const wait = deferred<string>();
    behaviour.hang = () => wait.promise;
    const client = await open();
    client.send(request('hang', 1));
    client.send(request('sum', 1, [1]));
    expect(await answer(client)).toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: { code: -32600, message: 'Invalid Request', data: 'The id is in use' },
    });
    wait.resolve('first');
    expect(await answer(client)).toEqual({ jsonrpc: '2.0', id: 1, result: 'first' });
    client.send(request('sum', 1, [1]));
    expect(await answer(client)).toEqual({ jsonrpc: '2.0', id: 1, result: 1 });
  });

  it('names of what every object has are no methods', async () => {
    const client = await open();
    for (const method of ['constructor', '__proto__', 'toString', 'onOpen', 'onError', 'sure', 'news', '']) {
      client.send(request(method, method));
      expect(await answer(client)).toMatchObject({ id: method, error: { code: -32601 } });
    }
    await expectAlive(client);
    expect(events.order).toEqual([]);
  });

  it('rpc.cancel and rpc.pull of nothing are dropped', async () => {
    const client = await open();
    for (const params of [undefined, {}, { id: 9 }, { id: {} }, [1], { id: 9, items: -1 }]) {
      client.send(notify('rpc.cancel', params));
      client.send(notify('rpc.pull', params));
    }
    await expectAlive(client);
    expect(events.order).toEqual([]);
  });
});

describe('a schema', () => {
  const INTERNAL = { code: -32603, message: 'Internal error' };

  it.each<[name: string, check: (value: unknown) => unknown, message: string]>([
    [
      'that throws',
      () => {
        throw new Error('secret');
      },
      'secret',
    ],
    ['that rejects', async () => Promise.reject(new Error('secret')), 'secret'],
    ['that never ends', () => new Promise(() => undefined), 'longer than 60 ms'],
    ['that says nothing', () => undefined, 'undefined'],
    ['that promises nothing', async () => undefined, 'undefined'],
  ])('%s: -32603, what comes after it is served', async (_name, bad, message) => {
    check = bad;
    const client = await open();
    client.send(request('badlyChecked', 1, { a: 1 }));
    client.send(request('sum', 2, [1, 2]));
    client.send(notify('update', [3]));
    expect(await answer(client)).toEqual({ jsonrpc: '2.0', id: 1, error: INTERNAL });
    expect(await answer(client)).toEqual({ jsonrpc: '2.0', id: 2, result: 3 });
    expect(await events.next('error')).toEqual([1011, 'user', expect.stringContaining(message)]);
    expect(await events.next('update')).toEqual([[3]]);
    await expectAlive(client);
  });
});

describe('what is answered', () => {
  it.each<[name: string, result: unknown]>([
    ['a BigInt', 1n],
    [
      'a circle',
      (() => {
        const circle: Record<string, unknown> = {};
        circle.self = circle;
        return circle;
      })(),
    ],
  ])('%s can not be said: -32603, and onError hears', async (_name, result) => {
    behaviour = {
      hang: () => result,
      items: () => from([1, result]),
      fail() {
        throw new BadRequestException({ message: 'no', detail: result });
      },
    };
    const client = await open();
    client.send(request('hang', 1));
    expect(await answer(client)).toMatchObject({ id: 1, error: { code: -32603 } });
    expect(await events.next('error')).toEqual([1011, 'user', expect.any(String)]);
    client.send(request('items', 2));
    expect(await answer(client)).toMatchObject({ method: 'rpc.item', params: { id: 2, item: 1 } });
    expect(await answer(client)).toMatchObject({ id: 2, error: { code: -32603 } });
    expect(await events.next('error')).toEqual([1011, 'user', expect.any(String)]);
    // Of an exception for clients that can't be said whole, what can be.
    client.send(request('fail', 3));
    expect(await answer(client)).toEqual({ jsonrpc: '2.0', id: 3, error: { code: 400, message: 'no' } });
    await expectAlive(client);
  });

  it.each<[name: string, exception: () => Error, error: object]>([
    [
      'whose message is none',
      () => Object.assign(new BadRequestException(), { message: 1n }),
      { code: 400, message: '1' },
    ],
    ['whose status is none', () => new HttpException('no', NaN), { code: -32603, message: 'no' }],
    [
      'whose methods fail',
      () =>
        Object.assign(new BadRequestException(), {
          getStatus() {
            throw new Error('secret');
          },
        }),
      { code: -32603, message: 'Internal error' },
    ],
  ])('an exception %s answers a call all the same', async (_name, exception, error) => {
    behaviour.fail = () => {
      throw exception();
    };
    const client = await open();
    client.send(request('fail', 1));
    expect(await answer(client)).toMatchObject({ jsonrpc: '2.0', id: 1, error });
    await expectAlive(client);
  });

  it.each<[name: string, thrown: () => unknown]>([
    ['undefined', () => undefined],
    [
      'a Proxy that was revoked',
      () => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        return proxy;
      },
    ],
    [
      'an object whose members fail',
      () => ({
        get name() {
          throw new Error('secret');
        },
        get message() {
          throw new Error('secret');
        },
      }),
    ],
  ])('%s is thrown: -32603, and onError hears', async (_name, thrown) => {
    behaviour.fail = async () => {
      throw thrown();
    };
    const client = await open();
    client.send(request('fail', 1));
    expect(await answer(client)).toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: { code: -32603, message: 'Internal error' },
    });
    expect(await events.next('error')).toEqual([1011, 'user', expect.any(String)]);
    await expectAlive(client);
  });

  it('what waits for rpc.pull can not be said: the stream fails, nothing else', async () => {
    behaviour.items = () => from([1, 2n, 3]);
    const client = await open();
    client.send(request('items', 1, undefined, { items: 1 }));
    expect(await answer(client)).toMatchObject({ params: { id: 1, item: 1 } });
    client.send(notify('rpc.pull', { id: 1, items: 5 }));
    expect(await answer(client)).toMatchObject({ id: 1, error: { code: -32603 } });
    expect(await events.next('error')).toEqual([1011, 'user', expect.stringContaining('BigInt')]);
    await expectAlive(client);
  });

  it('an Observable that fails: what it gave before comes before', async () => {
    behaviour.items = () =>
      concat(
        range(1, 3),
        throwError(() => new BadRequestException('enough')),
      );
    const client = await open();
    client.send(request('items', 1, undefined, { items: 1 }));
    expect(await answer(client)).toMatchObject({ params: { id: 1, item: 1 } });
    client.send(notify('rpc.pull', { id: 1, items: 64 }));
    expect(await answer(client)).toMatchObject({ params: { id: 1, item: 2 } });
    expect(await answer(client)).toMatchObject({ params: { id: 1, item: 3 } });
    expect(await answer(client)).toMatchObject({ id: 1, error: { code: 400, message: 'enough' } });
  });
});

describe('what is given up before it begins', () => {
  /** An Observable that tells when it is subscribed to, and unsubscribed from. */
  const watched = () =>
    new Observable<number>((subscriber) => {
      events.push('subscribed');
      const subscription = interval(1).subscribe(subscriber);
      return () => {
        events.push('unsubscribed');
        subscription.unsubscribe();
      };
    });

  it.each(['laterItems', 'laterObservable'])('%s: cancelled, it never begins', async (method) => {
    const [called, go] = [deferred<void>(), deferred<void>()];
    behaviour[method] = async () => {
      called.resolve();
      await go.promise;
      return watched();
    };
    const client = await open();
    client.send(request(method, 1));
    await called.promise;
    client.send(notify('rpc.cancel', { id: 1 }));
    expect(await answer(client)).toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: { code: -32800, message: 'Cancelled' },
    });
    go.resolve();
    await expectAlive(client);
    expect(events.order).toEqual([]);
  });

  it.each(['laterItems', 'laterObservable'])('%s: the client is gone, it never begins', async (method) => {
    const [called, go] = [deferred<AbortSignal>(), deferred<void>()];
    behaviour[method] = async (_ws, _data, signal) => {
      called.resolve(signal);
      await go.promise;
      return watched();
    };
    const client = await open();
    client.send(request(method, 1));
    const signal = await called.promise;
    const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
    client.socket.terminate();
    await aborted;
    go.resolve();
    expect(await within(events.next('terminate'), 5_000)).toEqual([1006]);
    expect(events.order).toEqual(['terminate']);
  });

  it('an async iterable is not asked for anything', async () => {
    const [called, go] = [deferred<void>(), deferred<void>()];
    behaviour.laterItems = async () => {
      called.resolve();
      await go.promise;
      return (async function* () {
        events.push('asked');
        yield 1;
      })();
    };
    const client = await open();
    client.send(request('laterItems', 1));
    await called.promise;
    client.send(notify('rpc.cancel', { id: 1 }));
    expect(await answer(client)).toMatchObject({ id: 1, error: { code: -32800 } });
    go.resolve();
    await expectAlive(client);
    expect(events.order).toEqual([]);
  });
});

describe('a peer', () => {
  it('that half-closes gives up what it asked: the signal fires, and onTerminate is last', async () => {
    const aborted = deferred<void>();
    behaviour.hang = (_ws, _data, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          aborted.resolve();
          reject(signal.reason as Error);
        });
        events.push('running');
      });
    const client = await open();
    client.send(request('hang', 1));
    await events.next('running');
    client.transport.end();
    await aborted.promise;
    expect(await events.next('terminate')).toEqual([1006]);
    expect(events.unread('error')).toEqual([]);
  });

  it('that stops reading stops the source of its stream; all comes when it reads on', async () => {
    const COUNT = 400;
    const item = 'x'.repeat(100_000);
    let given = 0;
    behaviour.items = async function* () {
      for (; given < COUNT; given++) yield item;
    };
    const client = await open();
    client.transport.pause();
    client.send(request('items', 1));
    // What it gives goes to the buffers of both ends, and then no further.
    while (given === 0) await new Promise(setImmediate);
    await quiet(() => given);
    expect(given).toBeLessThan(COUNT);
    client.transport.resume();
    const items = (await client.take(COUNT)).map((text) => JSON.parse(String(text)) as object);
    expect(items.every((each) => 'method' in each)).toBe(true);
    expect(await answer(client)).toEqual({ jsonrpc: '2.0', id: 1, result: null });
  });
});
