/** What a contract is made of, and what it makes (reference 17.1). */
import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import { defineContract, SchemaError, type Schema } from 'nestjs-4d-websocket/contract';
import { validateParams, validateResult } from '../../lib/contract/validate.js';

const text = z.string();

describe('defineContract()', () => {
  it.each<[name: string, definition: object, message: string]>([
    [
      'a name of two kinds',
      { receives: { say: text }, sends: { say: text } },
      '"sends.say" and "receives.say"',
    ],
    [
      'a name of a call and an ask',
      { calls: { sure: { request: text } }, asks: { sure: { request: text } } },
      '"asks.sure" and "calls.sure"',
    ],
    [
      'a name that JSON-RPC keeps',
      { receives: { 'rpc.item': text } },
      '"receives.rpc.item" begins with "rpc."',
    ],
    [
      'a hook of handlers',
      { receives: { onMessage: text } },
      '"receives.onMessage" has the name of "onMessage"',
    ],
    [
      'a hook of clients',
      { sends: { onDisconnect: text } },
      '"sends.onDisconnect" has the name of "onDisconnect"',
    ],
    ['a hook of Nest', { receives: { onModuleInit: text } }, '"receives.onModuleInit" has the name of'],
    ['another hook of Nest', { receives: { beforeApplicationShutdown: text } }, 'has the name of'],
    ['a property of handlers', { sends: { dataType: text } }, '"sends.dataType" has the name of "dataType"'],
    // oxlint-disable-next-line unicorn/no-thenable
    ['what makes a promise of it', { sends: { then: text } }, '"sends.then" has the name of "then"'],
    ['what every object has', { sends: { toString: text } }, '"sends.toString" has the name of "toString"'],
    ['no schema', { receives: { say: 'text' } }, '"receives.say" must be a Standard Schema'],
    ['nothing for a schema', { receives: { say: undefined } }, '"receives.say" must be a Standard Schema'],
    ['a call without a request', { calls: { ask: {} } }, '"calls.ask.request" must be a Standard Schema'],
    ['a call that is a schema', { calls: { ask: text } }, '"calls.ask.request" must be a Standard Schema'],
    [
      'a response that is no schema',
      { asks: { ask: { request: text, response: 1 } } },
      '"asks.ask.response" must be a Standard Schema',
    ],
    [
      'a stream without items',
      { streams: { prices: { request: text } } },
      '"streams.prices.item" must be a Standard Schema',
    ],
    ['a kind that there is none of', { messages: { say: text } }, 'there is no "messages"; it has receives'],
  ])('%s is an error that names it', (_name, definition, message) => {
    expect(() => defineContract(definition as never)).toThrow(TypeError);
    expect(() => defineContract(definition as never)).toThrow(message);
  });

  it.each(['toggle', 'total', 'topic', 'onAir', 'hasOwner', 'valueOfIt', 'headersOf', 'thenSome'])(
    '%s is a name as good as any',
    (name) => {
      expect(Object.keys(defineContract({ receives: { [name]: text } }))).toEqual([name]);
    },
  );

  it.each([0, -1, 1.5, NaN, Infinity, 2 ** 31, '1' as never])('a timeout of %s is an error', (timeout) => {
    expect(() => defineContract({}, { timeout })).toThrow(RangeError);
    expect(() => defineContract({}, { timeout })).toThrow(`got ${timeout}`);
  });
});

describe('a message', () => {
  const contract = defineContract({
    receives: { text, list: z.array(z.number()), date: z.date(), nothing: z.undefined(), null: z.null() },
    calls: { named: { request: z.object({ a: z.number() }) } },
  });

  it('has named parameters if it is an object, else the data as the only one', () => {
    const params = (message: object): unknown => JSON.parse(JSON.stringify(message));
    expect(params(contract.named({ a: 1 }))).toEqual({ jsonrpc: '2.0', method: 'named', params: { a: 1 } });
    expect(params(contract.text('x'))).toEqual({ jsonrpc: '2.0', method: 'text', params: ['x'] });
    expect(params(contract.list([1, 2]))).toEqual({ jsonrpc: '2.0', method: 'list', params: [[1, 2]] });
    expect(params(contract.null(null))).toEqual({ jsonrpc: '2.0', method: 'null', params: [null] });
    expect(params(contract.nothing())).toEqual({ jsonrpc: '2.0', method: 'nothing' });
    expect(params(contract.date(new Date(0)))).toMatchObject({ params: ['1970-01-01T00:00:00.000Z'] });
  });

  it.each<[library: string, schema: Schema<any>]>([
    ['zod', z.object({ text: z.string() })],
    ['valibot', v.object({ text: v.string() })],
    ['arktype', type({ text: 'string' })],
  ])('is checked when it is made, if that is asked for, with %s', (_library, request) => {
    const definition = { receives: { say: request } };
    const { say } = defineContract(definition, { validateOutgoing: true });
    expect(say({ text: 'x' })).toMatchObject({ params: { text: 'x' } });
    expect(() => say({ text: 1 })).toThrow(SchemaError);
    expect(() => say({ text: 1 })).toThrow('receives.say');
    expect(defineContract(definition).say({ text: 1 })).toMatchObject({ params: { text: 1 } });
  });

  it('can not be checked by what has to be awaited', () => {
    const later = z.string().refine(async () => true);
    const { say } = defineContract({ receives: { say: later } }, { validateOutgoing: true });
    expect(() => say('x')).toThrow(TypeError);
  });
});

describe('what comes', () => {
  it('by position is the data itself, unless only all of it fits', async () => {
    const list = z.array(z.number());
    expect(await validateParams(text, ['x'])).toMatchObject({ value: 'x' });
    expect(await validateParams(list, [[1]])).toMatchObject({ value: [1] });
    expect(await validateParams(list, [1])).toMatchObject({ value: [1] });
    expect(await validateParams(list, [1, 2])).toMatchObject({ value: [1, 2] });
    expect(await validateParams(z.undefined(), undefined)).toMatchObject({ value: undefined });
    expect((await validateParams(text, [1])).issues).toHaveLength(1);
    const later = list.refine(async () => true);
    expect(await validateParams(later, [1])).toMatchObject({ value: [1] });
  });

  it('as null is nothing, where nothing is what fits', async () => {
    expect(await validateResult(undefined, null)).toEqual({ value: undefined });
    expect(await validateResult(z.undefined(), null)).toMatchObject({ value: undefined });
    expect(await validateResult(z.null(), null)).toMatchObject({ value: null });
    expect((await validateResult(text, null)).issues).toHaveLength(1);
  });
});
