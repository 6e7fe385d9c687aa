/**
 * What does not compile (reference 17.1), row by row: each mark is needed, or `tsc` complains of it. Nothing here runs.
 */
import type { Observable } from 'rxjs';
import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import type { ConnectionOf, HandlerOf } from 'nestjs-4d-websocket';
import { FourDWebSocket, type ContractClientHandler } from 'nestjs-4d-websocket/client';
import { defineContract } from 'nestjs-4d-websocket/contract';

const chat = defineContract({
  receives: { say: z.object({ text: z.string() }) },
  sends: { said: z.object({ from: z.string(), text: z.string() }) },
  calls: {
    whoIsHere: { request: z.object({}), response: z.array(z.string()) },
    leave: { request: z.undefined() },
  },
  streams: { prices: { request: z.object({ symbol: z.string() }), item: z.number() } },
  asks: { confirm: { request: z.object({ text: z.string() }), response: z.boolean() } },
});
type Chat = typeof chat;

// What members make, with each of the libraries.
const zod = chat;
const valibot = defineContract({
  receives: { say: v.object({ text: v.string() }) },
  sends: { said: v.object({ from: v.string(), text: v.string() }) },
  calls: { whoIsHere: { request: v.object({}), response: v.array(v.string()) } },
  streams: { prices: { request: v.object({ symbol: v.string() }), item: v.number() } },
  asks: { confirm: { request: v.object({ text: v.string() }), response: v.boolean() } },
});
const arktype = defineContract({
  receives: { say: type({ text: 'string' }) },
  sends: { said: type({ from: 'string', text: 'string' }) },
  calls: { whoIsHere: { request: type({}), response: type('string[]') } },
  streams: { prices: { request: type({ symbol: 'string' }), item: type('number') } },
  asks: { confirm: { request: type({ text: 'string' }), response: type('boolean') } },
});
export function messages(): void {
  zod.say({ text: 'hi' });
  // @ts-expect-error of another type
  zod.say({ text: 1 });
  // @ts-expect-error a property of another name
  zod.say({ txt: 'hi' });
  // @ts-expect-error nothing
  zod.say();
  // @ts-expect-error no member
  zod.shout({ text: 'hi' });
  zod.leave();
  valibot.say({ text: 'hi' });
  // @ts-expect-error of another type
  valibot.say({ text: 1 });
  // @ts-expect-error one property too few
  valibot.said({ text: 'hi' });
  // @ts-expect-error of another type
  valibot.prices({ symbol: 1 });
  arktype.say({ text: 'hi' });
  // @ts-expect-error of another type
  arktype.say({ text: 1 });
  // @ts-expect-error one property too few
  arktype.said({ text: 'hi' });
  // @ts-expect-error of another type
  arktype.confirm({ text: 1 });
}

// The definition.
export const wrong = [
  // @ts-expect-error no schema
  () => defineContract({ receives: { say: 'text' } }),
  // @ts-expect-error a call has a request
  () => defineContract({ calls: { ask: { response: z.string() } } }),
  // @ts-expect-error a stream has items
  () => defineContract({ streams: { prices: { request: z.string() } } }),
];

// The handler of the server.
export class Good implements HandlerOf<Chat> {
  say(ws: ConnectionOf<Chat>, { text }: { text: string }, signal: AbortSignal): void {
    ws.send(chat.said({ from: 'Ada', text }));
    ws.wss.broadcast(chat.said({ from: 'Ada', text }));
    const sure: Promise<boolean> = ws.call(chat.confirm({ text }), { timeout: 100, signal });
    void sure;
    // @ts-expect-error the answer is of another type
    const wrongly: Promise<string> = ws.call(chat.confirm({ text }));
    void wrongly;
    // @ts-expect-error what clients say
    ws.send(chat.say({ text }));
    // @ts-expect-error a message of no contract
    ws.send({ text });
    // @ts-expect-error a call of clients
    void ws.call(chat.whoIsHere({}));
    // @ts-expect-error a message, not an ask
    void ws.call(chat.said({ from: 'Ada', text }));
  }
  async whoIsHere(): Promise<string[]> {
    return ['Ada'];
  }
  leave(): void {}
  prices(): Observable<number> {
    return undefined!;
  }
}
export class GoodToo extends Good implements HandlerOf<typeof chat> {
  override prices(): any {
    return (async function* () {
      yield 1;
    })();
  }
}

// @ts-expect-error say() is missing
export class Lacks implements HandlerOf<Chat> {
  whoIsHere = async (): Promise<string[]> => [];
  leave(): void {}
  async *prices(): AsyncGenerator<number> {}
}
type Zod = Pick<HandlerOf<Chat>, 'say' | 'whoIsHere' | 'prices'>;
type Valibot = HandlerOf<typeof valibot>;
type Arktype = HandlerOf<typeof arktype>;
export const takes: [Zod['say'], Valibot['say'], Arktype['say']] = [
  // @ts-expect-error takes another type
  (_ws, data: { text: number }) => void data,
  // @ts-expect-error takes another type
  (_ws, data: { text: number }) => void data,
  // @ts-expect-error takes another type
  (_ws, data: { text: number }) => void data,
];
export const returns: [Zod['whoIsHere'], Valibot['whoIsHere'], Arktype['whoIsHere']] = [
  // @ts-expect-error returns another type
  () => [1],
  // @ts-expect-error promises another type
  async () => 'Ada',
  // @ts-expect-error returns another type
  () => [1],
];
export const gives: [Zod['prices'], Valibot['prices'], Arktype['prices']] = [
  // @ts-expect-error items of another type
  async function* () {
    yield 'one';
  },
  // @ts-expect-error items of another type
  (): Observable<string> => undefined!,
  // @ts-expect-error no stream
  () => 1,
];

// The client.
const handler: ContractClientHandler<Chat> = {
  said: () => undefined,
  confirm: (_ws, { text }) => text !== '',
};
export const handlers: ContractClientHandler<Chat>[] = [
  // @ts-expect-error confirm() is missing
  { said: () => undefined },
  // @ts-expect-error answers with another type
  { ...handler, confirm: () => 'yes' },
  // @ts-expect-error reads a property that there is none of
  { ...handler, said: (_ws, { name }) => void name },
  // @ts-expect-error takes another type
  { ...handler, said: (_ws, { text }: { text: number }) => void text },
];
export async function client(): Promise<void> {
  const ws = new FourDWebSocket('ws://x', handler, { contract: chat });
  ws.send(chat.say({ text: 'hi' }));
  // @ts-expect-error what the server says
  ws.send(chat.said({ from: 'Ada', text: 'hi' }));
  // @ts-expect-error a message of no contract
  ws.send('hi');
  const names: string[] = await ws.call(chat.whoIsHere({}));
  // @ts-expect-error the answer is of another type
  const numbers: number[] = await ws.call(chat.whoIsHere({}));
  // @ts-expect-error what the server asks
  void ws.call(chat.confirm({ text: 'sure?' }));
  // @ts-expect-error a stream is no call
  void ws.call(chat.prices({ symbol: 'ACME' }));
  for await (const price of ws.stream(chat.prices({ symbol: 'ACME' }))) {
    const number: number = price;
    // @ts-expect-error items are of another type
    const text: string = price;
    void [number, text];
  }
  // @ts-expect-error a call is no stream
  ws.stream(chat.whoIsHere({}));
  // @ts-expect-error without the methods of the contract
  void new FourDWebSocket('ws://x', {}, { contract: chat });
  const other = new FourDWebSocket(
    'ws://x',
    { said: () => undefined, confirm: () => true },
    { contract: valibot },
  );
  // @ts-expect-error the answer is of another type
  const wrongly: number[] = await other.call(valibot.whoIsHere({}));
  const third = new FourDWebSocket(
    'ws://x',
    { said: () => undefined, confirm: () => true },
    { contract: arktype },
  );
  // @ts-expect-error the answer is of another type
  const wronglyToo: number[] = await third.call(arktype.whoIsHere({}));
  void [names, numbers, wrongly, wronglyToo];
  // @ts-expect-error there is no contract
  void new FourDWebSocket('ws://x').call(chat.whoIsHere({}));
}
