import { finalize, from, map, NEVER, of, timer } from 'rxjs';
import { deferred } from '../../support/deferred.js';
import { turns } from '../../support/turns.js';
import { startWay, type WayApp } from '../../support/ways/way-app.js';
import { WAYS } from '../../support/ways/ways.js';

const bytes = Buffer.from([0, 255, 1]);

async function* counted(count: number) {
  for (let index = 1; index <= count; index++) {
    await turns(1);
    yield `item ${index}`;
  }
}

/** What a handler returns, and the messages that the client gets. */
const REPLIES: [name: string, reply: () => unknown, received: unknown[]][] = [
  ['a string', () => 'text', ['text']],
  ['an empty string', () => '', ['']],
  ['bytes', () => bytes, [bytes]],
  ['an object', () => ({ a: [1] }), ['{"a":[1]}']],
  ['a number', () => 7.5, ['7.5']],
  ['0', () => 0, ['0']],
  ['true', () => true, ['true']],
  ['false', () => false, ['false']],
  ['undefined', () => undefined, []],
  ['null', () => null, []],
  ['a promise of a string', async () => 'later', ['later']],
  ['a promise of a number', async () => 7, ['7']],
  ['a promise of undefined', async () => undefined, []],
  ['a promise of null', async () => null, []],
  ['an Observable', () => of('1', 2, { three: 3 }, bytes, false), ['1', '2', '{"three":3}', bytes, 'false']],
  ['an Observable with nothing in between', () => of('1', undefined, null, '2'), ['1', '2']],
  ['an Observable without values', () => from([]), []],
  ['an Observable that takes its time', () => timer(1).pipe(map(() => 'late')), ['late']],
  ['a promise of an Observable', async () => of('1', '2'), ['1', '2']],
  ['an async iterable', () => counted(3), ['item 1', 'item 2', 'item 3']],
  ['a promise of an async iterable', async () => counted(2), ['item 1', 'item 2']],
];

describe.each(WAYS)('5.3 replies: $name', (way) => {
  let app: WayApp;
  beforeAll(async () => {
    app = await startWay(way);
  });
  afterAll(() => app.close());

  it.each(REPLIES)('%s', async (_name, reply, received) => {
    const client = await app
      .serve({
        onMessage: (_ws, data) => (data === 'ask' ? reply() : data),
        onError: (ws, { errors: [{ message }] }) => ws.send(`onError: ${message}`),
      })
      .connect();
    client.send('ask');
    for (const expected of received) expect(await client.next()).toEqual(expected);
    client.send('nothing else');
    expect(await client.next()).toBe('nothing else');
    await client.close();
  });

  it('a stream ends when the connection closes', async () => {
    const [unsubscribed, returned] = [deferred<void>(), deferred<void>()];
    const behaviour = {
      onMessage(_ws: unknown, data: string) {
        if (data === 'observable') return NEVER.pipe(finalize(unsubscribed.resolve));
        return (async function* () {
          try {
            for (let index = 0; ; index++) {
              yield String(index);
              await turns(1);
            }
          } finally {
            returned.resolve();
          }
        })();
      },
    };
    const client = await app.serve(behaviour).connect();
    client.send('observable');
    client.send('iterable');
    expect(await client.next()).toBe('0');
    client.socket.terminate();
    await Promise.all([unsubscribed.promise, returned.promise]);
  });
});
