/** What a client can make a server with a contract hold is bounded, and what it waits for comes (reference 17.4). */
import { Observable, range } from 'rxjs';
import { ConnectionHandler, type ConnectionOf, type WSErrorEvent } from 'nestjs-4d-websocket';
import { FourDWebSocket } from 'nestjs-4d-websocket/client';
import { ConnectionLostError, defineContract } from 'nestjs-4d-websocket/contract';
import { z } from 'zod';
import { closeApps, startApp } from '../support/app.js';
import { connect } from '../support/client.js';
import { within } from '../support/patience.js';
import { Recorder } from '../support/recorder.js';

const contract = defineContract({
  calls: {
    ask: { request: z.number(), response: z.number() },
    never: { request: z.object({}), response: z.number() },
    third: { request: z.object({}), response: z.boolean() },
  },
  streams: {
    endless: { request: z.object({}), item: z.number() },
    large: { request: z.object({}), item: z.string() },
  },
  asks: { ok: { request: z.number(), response: z.boolean() } },
});
type Ws = ConnectionOf<typeof contract>;

let events: Recorder;
let given = 0;

@ConnectionHandler({ path: '/', contract, maxBufferedAmount: 1024 * 1024 })
class Handler {
  async ask(ws: Ws, n: number): Promise<number> {
    return (await ws.call(contract.ok(n))) ? n : -1;
  }
  never(): Promise<number> {
    return new Promise(() => undefined);
  }
  // A parameter with a default value, and those after it, are not counted by a function's length.
  third(_ws: Ws, _data = {}, given?: AbortSignal): boolean {
    return given instanceof AbortSignal;
  }
  endless(): Observable<number> {
    return new Observable((subscriber) => {
      while (!subscriber.closed) subscriber.next(given++);
    });
  }
  large(): Observable<string> {
    return new Observable((subscriber) => {
      const values = range(0, 1000).subscribe(() => subscriber.next('x'.repeat(10_000)));
      return () => values.unsubscribe();
    });
  }
  onError(_ws: Ws, { errors: [error] }: WSErrorEvent): void {
    events.push('error', error.message);
  }
}

let url: string;
const opened: { terminate(): void }[] = [];
beforeEach(async () => {
  events = new Recorder();
  given = 0;
  ({ wsUrl: url } = await startApp({ providers: [Handler] }));
});
afterEach(async () => {
  for (const ws of opened.splice(0)) ws.terminate();
  await closeApps();
});

function open() {
  const ws = new FourDWebSocket(url, { ok: () => true }, { contract, reconnect: false });
  opened.push(ws);
  return ws;
}

const request = (method: string, id: number, more: object = {}) =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params: {}, ...more });

it('an Observable that never pauses ends when the client has not read enough, told or not how many it takes', async () => {
  for (const more of [{}, { items: 8 }]) {
    const client = await connect(url);
    client.send(request('endless', 1, more));
    let answer: { id?: number; error?: object } = {};
    while (answer.id !== 1) answer = JSON.parse(String(await within(client.next()))) as typeof answer;
    expect(answer.error).toEqual({ code: -32603, message: 'Internal error' });
    expect(await events.next('error')).toEqual([expect.stringContaining('The client does not keep up')]);
    expect(given).toBeLessThan(100_000);
    await client.close(1000);
  }
});

it('what waits for rpc.pull is bounded for all streams of a client, by its bytes', async () => {
  const client = await connect(url);
  for (let id = 1; id <= 4; id++) client.send(request('large', id, { items: 1 }));
  const failed = new Set<number>();
  while (failed.size < 4) {
    const { id, error } = JSON.parse(String(await within(client.next()))) as { id?: number; error?: object };
    if (error) failed.add(id!);
  }
  client.send(request('third', 9));
  expect(JSON.parse(String(await client.next()))).toMatchObject({ id: 9, result: true });
});

it('a thousand calls whose methods ask the client, all at once', async () => {
  const ws = open();
  const calls = Array.from({ length: 1000 }, (_, n) => ws.call(contract.ask(n)));
  expect(await within(Promise.all(calls), 20_000)).toEqual(calls.map((_, n) => n));
});

it('what is no signal is refused, and harms no other call', async () => {
  const ws = open();
  await expect(ws.call(contract.never({}), { signal: {} as never })).rejects.toThrow(TypeError);
  const call = ws.call(contract.never({}));
  ws.terminate();
  await expect(call).rejects.toBeInstanceOf(ConnectionLostError);
});
