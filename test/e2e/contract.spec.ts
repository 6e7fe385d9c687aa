/** One contract for both ends (reference 17): our client and our server. */
import { readFileSync } from 'node:fs';
import { ForbiddenException, UseGuards, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ConnectedSocket, MessageBody } from '@nestjs/websockets';
import { interval, map, type Observable } from 'rxjs';
import {
  ConnectionHandler,
  Signal,
  type ConnectionOf,
  type HandlerOf,
  type WSErrorEvent,
  type WSTerminateEvent,
} from 'nestjs-4d-websocket';
import { FourDWebSocket, type ContractClientHandler } from 'nestjs-4d-websocket/client';
import { ConnectionLostError, RpcError } from 'nestjs-4d-websocket/contract';
import { closeApps, startApp } from '../support/app.js';
import { chat } from '../support/chat-contract.js';
import { connect } from '../support/client.js';
import { deferred } from '../support/deferred.js';

type Chat = typeof chat;

/** What happened on the server, in order. */
let events: unknown[] = [];
let waits = new Map<string, ReturnType<typeof deferred<string>>>();
let arrived = new Map<string, ReturnType<typeof deferred<AbortSignal>>>();

function wait(name: string): ReturnType<typeof deferred<string>> {
  if (!waits.has(name)) waits.set(name, deferred());
  return waits.get(name)!;
}

function arrival(name: string): ReturnType<typeof deferred<AbortSignal>> {
  if (!arrived.has(name)) arrived.set(name, deferred());
  return arrived.get(name)!;
}

@ConnectionHandler({ path: '/chat', contract: chat })
class ChatHandler implements HandlerOf<Chat> {
  say(ws: ConnectionOf<Chat>, { text }: { text: string }): void {
    events.push(text);
    if (text === 'fail') throw new Error('secret');
    ws.wss.broadcast(chat.said({ from: 'Ada', text }));
  }

  number(_ws: ConnectionOf<Chat>, value: number): void {
    events.push(value);
  }

  async whoIsHere(): Promise<string[]> {
    return ['Ada', 'Bob'];
  }

  double(_ws: ConnectionOf<Chat>, value: number): number {
    if (value === 13) throw new ForbiddenException('not thirteen');
    if (value === 14) throw new Error('secret');
    return 2 * value;
  }

  async wait(_ws: ConnectionOf<Chat>, { name }: { name: string }, signal: AbortSignal): Promise<string> {
    events.push(`wait ${name}`);
    arrival(name).resolve(signal);
    return wait(name).promise;
  }

  again(): number {
    return 1;
  }

  leave(): void {}

  async askMe(ws: ConnectionOf<Chat>, { text }: { text: string }): Promise<boolean> {
    return ws.call(chat.confirm({ text }));
  }

  async *count(_ws: ConnectionOf<Chat>, { to }: { to: number }): AsyncGenerator<number> {
    for (let n = 1; n <= to; n++) yield n;
  }

  ticks(_ws: ConnectionOf<Chat>, { every }: { every: number }): Observable<number> {
    return interval(every).pipe(map((n) => n));
  }

  onError(_ws: ConnectionOf<Chat>, { errors: [error] }: WSErrorEvent): void {
    events.push([error.errCode, error.componentSignature, error.message]);
  }

  onTerminate(_ws: ConnectionOf<Chat>, { code }: WSTerminateEvent): void {
    events.push(`terminate ${code}`);
  }
}

const opened: FourDWebSocket<unknown, Chat>[] = [];

beforeEach(() => {
  events = [];
  waits = new Map();
  arrived = new Map();
});
afterEach(async () => {
  for (const ws of opened.splice(0)) ws.terminate();
  await closeApps();
});

const HANDLER: ContractClientHandler<Chat> = { said: () => undefined, confirm: () => true };

function open(wsUrl: string, handler: Partial<ContractClientHandler<Chat>> = {}) {
  const ws = new FourDWebSocket(`${wsUrl}/chat`, { ...HANDLER, ...handler }, { contract: chat });
  opened.push(ws);
  return ws;
}

describe('a contract', () => {
  it('messages both ways, calls, streams and asks', async () => {
    const { wsUrl } = await startApp({ providers: [ChatHandler] });
    const said = deferred<unknown>();
    const ws = open(wsUrl, {
      said: (_ws, message) => said.resolve(message),
      confirm: (_ws, { text }) => text === 'sure?',
    });
    ws.send(chat.say({ text: 'hi' }));
    ws.send(chat.number(7));
    expect(await ws.call(chat.whoIsHere({}))).toEqual(['Ada', 'Bob']);
    expect(await ws.call(chat.double(21))).toBe(42);
    expect(await ws.call(chat.leave({}))).toBeUndefined();
    expect(await said.promise).toEqual({ from: 'Ada', text: 'hi' });
    expect(await ws.call(chat.askMe({ text: 'sure?' }))).toBe(true);
    expect(await ws.call(chat.askMe({ text: 'really?' }))).toBe(false);
    const items: number[] = [];
    for await (const item of ws.stream(chat.count({ to: 1000 }))) items.push(item);
    expect(items).toEqual(Array.from({ length: 1000 }, (_, index) => index + 1));
    for await (const tick of ws.stream(chat.ticks({ every: 1 }))) if (tick === 3) break;
    expect(events).toEqual(['hi', 7]);
  });

  it('a call that fails tells what is for clients, and nothing else', async () => {
    const { wsUrl } = await startApp({ providers: [ChatHandler] });
    const ws = open(wsUrl);
    await expect(ws.call(chat.double(13))).rejects.toMatchObject({ code: 403, message: 'not thirteen' });
    await expect(ws.call(chat.double(14))).rejects.toEqual(new RpcError(-32603, 'Internal error'));
    await expect(ws.call(chat.double('x' as never))).rejects.toMatchObject({ code: -32602 });
    ws.send(chat.say({ text: 'far more than twenty characters' }));
    ws.send(chat.say({ text: 'fail' }));
    await ws.call(chat.whoIsHere({}));
    expect(events).toEqual([
      [1011, 'user', 'secret'],
      [400, 'json', expect.stringContaining('What came of say does not fit its schema')],
      'fail',
      [1011, 'user', 'secret'],
    ]);
  });

  it('a call that is given up fires the signal, and ends once', async () => {
    const { wsUrl } = await startApp({ providers: [ChatHandler] });
    const ws = open(wsUrl);
    const controller = new AbortController();
    const call = ws.call(chat.wait({ name: 'a' }), { signal: controller.signal });
    const signal = await arrival('a').promise;
    controller.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    wait('a').resolve('late');
    await expect(ws.call(chat.wait({ name: 'b' }), { timeout: 20 })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    wait('b').resolve('late');
    expect(await ws.call(chat.double(1))).toBe(2);
  });

  it('a connection that is lost ends its calls', async () => {
    const { wsUrl, app } = await startApp({ providers: [ChatHandler] });
    const ws = open(wsUrl);
    const call = ws.call(chat.wait({ name: 'a' }));
    const signal = await arrival('a').promise;
    const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
    ws.terminate();
    await expect(call).rejects.toBeInstanceOf(ConnectionLostError);
    await aborted;
    wait('a').resolve('late');
    void app;
  });

  it('JSON-RPC by hand', async () => {
    const { wsUrl } = await startApp({ providers: [ChatHandler] });
    const client = await connect(`${wsUrl}/chat`);
    client.send('[');
    expect(JSON.parse(String(await client.next()))).toEqual({
      jsonrpc: '2.0',
      id: null,
      error: { code: -32700, message: 'Parse error' },
    });
    client.send(
      '[{"jsonrpc":"2.0","method":"double","params":[2],"id":"x"},{"jsonrpc":"2.0","method":"number","params":[2]},1]',
    );
    expect(JSON.parse(String(await client.next()))).toEqual([
      { jsonrpc: '2.0', id: 'x', result: 4 },
      { jsonrpc: '2.0', id: null, error: { code: -32600, message: 'Invalid Request' } },
    ]);
    client.send('{"jsonrpc":"2.0","method":"count","params":{"to":2},"id":1}');
    expect((await client.take(3)).map((text) => JSON.parse(String(text)))).toEqual([
      { jsonrpc: '2.0', method: 'rpc.item', params: { id: 1, item: 1 } },
      { jsonrpc: '2.0', method: 'rpc.item', params: { id: 1, item: 2 } },
      { jsonrpc: '2.0', id: 1, result: null },
    ]);
  });
});

it('the examples of docs/protocol.md are what goes over the wire', async () => {
  const { wsUrl } = await startApp({ providers: [ChatHandler] });
  const client = await connect(`${wsUrl}/chat`);
  const example = /```jsonl\n([\s\S]*?)```/.exec(readFileSync('docs/protocol.md', 'utf8'))![1]!;
  const lines = example.trim().split('\n');
  expect(lines.length).toBeGreaterThan(20);
  for (const line of lines) {
    if (line.startsWith('C ')) client.send(line.slice(2));
    else expect(`S ${JSON.stringify(JSON.parse(String(await client.next())))}`).toBe(line);
  }
});

describe('Nest', () => {
  class OnlyAda implements CanActivate {
    canActivate(context: ExecutionContext): boolean {
      events.push(context.switchToWs().getPattern());
      return context.switchToWs().getData<{ text?: string }>().text !== 'Bob';
    }
  }

  @ConnectionHandler({ path: '/chat', contract: chat })
  @UseGuards(OnlyAda)
  class BoundHandler extends ChatHandler {
    override say(@MessageBody() { text }: any, @ConnectedSocket() ws: any): void {
      super.say(ws, { text });
    }
    override async wait(@Signal() signal: any, @MessageBody('name') name: any): Promise<string> {
      return `${name} ${signal instanceof AbortSignal}`;
    }
  }

  it('guards and bound parameters', async () => {
    const { wsUrl } = await startApp({ providers: [BoundHandler, OnlyAda] });
    const ws = open(wsUrl);
    expect(await ws.call(chat.wait({ name: 'a' }))).toBe('a true');
    await expect(ws.call(chat.askMe({ text: 'Bob' }))).rejects.toMatchObject({
      code: 403,
      message: 'Forbidden resource',
    });
    expect(events).toEqual(['wait', 'askMe']);
  });
});
