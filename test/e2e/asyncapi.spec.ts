/** The document of the contracts (reference 17.5), checked by the official parser. */
import { createRequire } from 'node:module';
import type * as parsers from '@asyncapi/parser';
import type { INestApplication, LoggerService } from '@nestjs/common';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { toStandardJsonSchema } from '@valibot/to-json-schema';
import { type } from 'arktype';
import * as v from 'valibot';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import {
  AsyncApiModule,
  ConnectionHandler,
  WebSocketServerRegistry,
  WSSHandler,
  type AsyncApiDocument,
  type AsyncApiMessage,
} from 'nestjs-4d-websocket';
import { defineContract } from 'nestjs-4d-websocket/contract';
import { closeApps, createApp, startApp } from '../support/app.js';
import { chat } from '../support/chat-contract.js';

// Its ES modules import files without their extensions.
const { Parser } = createRequire(import.meta.url)('@asyncapi/parser') as typeof parsers;
const parser = new Parser();

/** What the official parser finds wrong with a document. */
async function problems(document: AsyncApiDocument): Promise<unknown[]> {
  const found = await parser.validate(JSON.stringify(document));
  return found.filter(({ severity }) => severity <= 1).map(({ message, path }) => [message, path.join('.')]);
}

/** Serves the members of the test's contract: here nothing is said, only described. */
class Chat {
  say(): void {}
  number(): void {}
  whoIsHere(): string[] {
    return [];
  }
  double(): number {
    return 0;
  }
  wait(): string {
    return '';
  }
  again(): number {
    return 0;
  }
  leave(): void {}
  askMe(): boolean {
    return true;
  }
  *count(): Generator<number> {}
  *ticks(): Generator<number> {}
}

@ConnectionHandler({ path: '/chat', contract: chat })
class ChatHandler extends Chat {}

@ConnectionHandler({ path: '/rooms/:room{/:seat}/*rest', dataType: 'text' })
class RoomHandler {
  onMessage(): void {}
}

@WSSHandler({ path: '/decided' })
class Decider {
  onConnection(): null {
    return null;
  }
}

@WSSHandler({ dataType: 'blob' })
class Rest {
  onConnection(): null {
    return null;
  }
}

/** A server whose only message has this schema. */
function handlerOf(definition: Parameters<typeof defineContract>[0]) {
  const contract = defineContract(definition);
  @ConnectionHandler({ path: '/it', contract })
  class Handler {
    tell(): void {}
    ask(): void {}
  }
  return Handler;
}

async function documentOf(provider: new () => object, logger?: LoggerService): Promise<AsyncApiDocument> {
  return AsyncApiModule.createDocument(await createdApp({ providers: [provider], logger }));
}

const created: INestApplication[] = [];

async function createdApp(options: Parameters<typeof createApp>[0]): Promise<INestApplication> {
  const app = await createApp(options);
  created.push(app);
  return app;
}

afterEach(async () => {
  Logger.overrideLogger(false);
  await closeApps();
  await Promise.all(created.splice(0).map((app) => app.close()));
});

/** The payload of a message of the only channel. */
function payload({ channels }: AsyncApiDocument, name: string): any {
  return (Object.values(channels)[0]!.messages![name] as AsyncApiMessage).payload;
}

/** What the document says of a message's data. */
function dataOf(document: AsyncApiDocument, name: string): any {
  const { params } = payload(document, name).properties;
  const $ref: string = params.$ref ?? params.items?.[0].$ref;
  return document.components.schemas[$ref.replace('#/components/schemas/', '')];
}

describe('the document', () => {
  it('of several servers has no fault, before and after they start', async () => {
    const providers = [ChatHandler, RoomHandler, Decider, Rest];
    const { app, port } = await startApp({ providers });
    const document = AsyncApiModule.createDocument(app, { title: 'Chat', version: '2.0.0' });
    expect(await problems(document)).toEqual([]);
    expect(document.info).toEqual({ title: 'Chat', version: '2.0.0' });
    expect(document.servers).toEqual({ application: { host: `localhost:${port}`, protocol: 'ws' } });
    const { servers: _servers, ...before } = AsyncApiModule.createDocument(await createdApp({ providers }), {
      title: 'Chat',
      version: '2.0.0',
    });
    const { servers: _others, ...after } = document;
    expect(before).toEqual(after);
    expect(await problems(before)).toEqual([]);
  });

  it('says what is received, sent, called, streamed and asked', async () => {
    const document = await documentOf(ChatHandler);
    expect(document.channels).toMatchObject({ ChatHandler: { address: '/chat' } });
    const replies = (name: string): unknown =>
      document.operations[`ChatHandler_${name}`]!.reply?.messages.map(({ $ref }) =>
        $ref.replace('#/channels/ChatHandler/messages/', ''),
      );
    const actions = Object.entries(document.operations).map(
      ([name, { action }]) => `${action} ${name.slice(12)}`,
    );
    expect(actions).toEqual([
      'receive say',
      'receive number',
      'send said',
      ...['whoIsHere', 'double', 'wait', 'again', 'leave', 'askMe'].map((name) => `receive ${name}`),
      'receive count',
      'receive ticks',
      'send confirm',
      'receive rpc.cancel',
      'receive rpc.pull',
      'send rpc.cancel.ask',
    ]);
    expect(replies('say')).toBeUndefined();
    expect(replies('said')).toBeUndefined();
    expect(replies('double')).toEqual(['double.response', 'rpc.error']);
    expect(replies('count')).toEqual(['count.item', 'count.end', 'rpc.error']);
    expect(replies('confirm')).toEqual(['confirm.response', 'rpc.error']);
    expect(document.operations.ChatHandler_again).toMatchObject({ description: /Idempotent/ });
  });

  it('has the messages as they go over the wire', async () => {
    const document = await documentOf(ChatHandler);
    expect(payload(document, 'say')).toEqual({
      type: 'object',
      required: ['jsonrpc', 'method', 'params'],
      properties: {
        jsonrpc: { const: '2.0' },
        method: { const: 'say' },
        params: { $ref: '#/components/schemas/ChatHandler.say' },
      },
    });
    expect(document.components.schemas['ChatHandler.say']).toMatchObject({
      type: 'object',
      properties: { text: { type: 'string', maxLength: 20 } },
      required: ['text'],
    });
    expect(payload(document, 'number').properties.params).toMatchObject({
      type: 'array',
      items: [{ $ref: '#/components/schemas/ChatHandler.number' }],
      maxItems: 1,
    });
    expect(payload(document, 'double').required).toEqual(['jsonrpc', 'id', 'method', 'params']);
    expect(payload(document, 'double').properties).not.toHaveProperty('items');
    expect(payload(document, 'count').properties.items).toMatchObject({ type: 'integer' });
    expect(payload(document, 'double.response').properties.result).toEqual({
      $ref: '#/components/schemas/ChatHandler.double.response',
    });
    expect(payload(document, 'leave.response').properties.result).toEqual({ type: 'null' });
    expect(payload(document, 'count.item').properties).toMatchObject({
      method: { const: 'rpc.item' },
      params: { properties: { item: { $ref: '#/components/schemas/ChatHandler.count.item' } } },
    });
  });

  it('has paths with their parameters, and servers without a contract', async () => {
    const document = AsyncApiModule.createDocument(
      await createdApp({ providers: [RoomHandler, Decider, Rest] }),
    );
    expect(document.channels).toEqual({
      Decider: { address: '/decided', title: 'Decider', description: 'Text; no contract says more.' },
      Rest: {
        address: null,
        title: 'Rest',
        description: 'All paths that no other server takes. Binary data; no contract says more.',
      },
      RoomHandler: expect.objectContaining({
        address: '/rooms/{room}/{seat}/{rest}',
        parameters: {
          room: { description: 'One segment of the path.' },
          seat: { description: expect.stringContaining('May be left out') },
          rest: { description: 'One segment of the path or several.' },
        },
      }),
    });
    expect(document.operations).toEqual({});
    expect(document).not.toHaveProperty('servers');
    expect(await problems(document)).toEqual([]);
  });

  it('has the contract that it is told of a server that decides', async () => {
    const app = await createdApp({ providers: [Decider, Rest] });
    const document = AsyncApiModule.createDocument(app, { contracts: { '/decided': chat, Rest: chat } });
    expect(Object.keys(document.operations)).toEqual(
      expect.arrayContaining(['Decider_say', 'Decider_double', 'Rest_say']),
    );
    expect(Object.keys(document.components.schemas)).not.toContain('Rest.say');
    expect(await problems(document)).toEqual([]);
  });

  it('has servers that are started at run time, and names of one kind apart', async () => {
    const { app } = await startApp({ providers: [Decider] });
    app.get(WebSocketServerRegistry).create(Decider, { path: '/later' });
    const document = AsyncApiModule.createDocument(app, { contracts: { '/later': chat } });
    expect(document.channels).toMatchObject({
      Decider: { address: '/decided' },
      Decider_2: { address: '/later' },
    });
    expect(document.operations).toHaveProperty('Decider_2_say');
    expect(await problems(document)).toEqual([]);
  });

  it('says which servers a port of its own is on', async () => {
    @ConnectionHandler({ path: '/apart', port: 4711 })
    class Apart {
      onMessage(): void {}
    }
    const app = await createdApp({ providers: [Apart, RoomHandler] });
    const alone = AsyncApiModule.createDocument(app);
    expect(alone.servers).toEqual({ 'port-4711': { host: 'localhost:4711', protocol: 'ws' } });
    expect(alone.channels.Apart!.servers).toEqual([{ $ref: '#/servers/port-4711' }]);
    const document = AsyncApiModule.createDocument(app, {
      servers: {
        main: { host: 'chat.example.com', protocol: 'wss' },
        apart: { host: 'chat.example.com:4711', protocol: 'wss' },
      },
    });
    expect(document.channels.Apart!.servers).toEqual([{ $ref: '#/servers/apart' }]);
    expect(document.channels.RoomHandler!.servers).toEqual([{ $ref: '#/servers/main' }]);
    expect(await problems(document)).toEqual([]);
  });
});

describe('schemas', () => {
  const point = { type: 'object', properties: { x: { type: 'number' } }, required: ['x'] };

  it.each([
    ['zod', z.object({ x: z.number() })],
    ['arktype', type({ x: 'number' })],
    ['valibot', toStandardJsonSchema(v.object({ x: v.number() }))],
  ])('of %s', async (_library, schema) => {
    const document = await documentOf(
      handlerOf({ receives: { tell: schema }, calls: { ask: { request: schema, response: schema } } }),
    );
    expect(dataOf(document, 'tell')).toMatchObject(point);
    // One schema is one component.
    expect(Object.keys(document.components.schemas)).toEqual(['Handler.tell']);
    expect(await problems(document)).toEqual([]);
  });

  const Tree = z.object({
    name: z.string(),
    get children() {
      return z.array(Tree);
    },
  });
  const ark = type.module({ tree: { name: 'string', 'children?': 'tree[]' } });
  const Leaf: v.GenericSchema = v.object({ name: v.string(), children: v.array(v.lazy(() => Leaf)) });

  it.each([
    ['zod', Tree],
    ['zod, used twice', z.object({ left: Tree, right: Tree })],
    [
      'zod, with an id',
      z.object({ $ref: z.string().meta({ id: 'Name' }), of: Tree }).meta({ id: 'Forest/1' }),
    ],
    ['arktype', ark.tree],
    ['valibot', toStandardJsonSchema(Leaf)],
  ])('that refer to themselves: %s', async (_library, schema) => {
    const document = await documentOf(handlerOf({ receives: { tell: schema } }));
    expect(await problems(document)).toEqual([]);
    expect(payload(document, 'tell').properties.params).toEqual({
      $ref: '#/components/schemas/Handler.tell',
    });
    const references = [...JSON.stringify(document.components.schemas).matchAll(/"\$ref":"([^"]*)"/g)];
    expect(references.length).toBeGreaterThan(0);
    for (const [, to] of references) {
      const name = decodeURIComponent(to!.replace('#/components/schemas/', ''));
      expect(Object.keys(document.components.schemas)).toContain(name);
    }
  });

  it('a default that looks like a reference is left alone', async () => {
    const schema = z.object({ at: z.object({ $ref: z.string() }).default({ $ref: '#' }) });
    const document = await documentOf(handlerOf({ receives: { tell: schema } }));
    expect(dataOf(document, 'tell').properties.at.default).toEqual({ $ref: '#' });
  });

  it('that may be an object or not say so, and those that take nothing ask for nothing', async () => {
    const document = await documentOf(
      handlerOf({
        receives: { tell: z.union([z.string(), z.object({ x: z.number() })]) },
        calls: { ask: { request: z.object({}).optional(), response: z.string().optional() } },
      }),
    );
    expect(payload(document, 'tell').properties.params.anyOf).toHaveLength(2);
    expect(payload(document, 'ask').required).toEqual(['jsonrpc', 'id', 'method']);
    expect(payload(document, 'ask.response').properties.result.anyOf).toContainEqual({ type: 'null' });
    expect(await problems(document)).toEqual([]);
  });

  it.each([
    [
      'without JSON Schema',
      () => v.object({ x: v.number() }),
      'this schema of valibot has no Standard JSON Schema',
    ],
    ['that JSON Schema has no words for', () => z.date(), 'Date cannot be represented in JSON Schema'],
  ])('%s are anything, and told once', async (_name, make, why) => {
    const warnings: string[] = [];
    const logger: LoggerService = {
      log: () => undefined,
      error: () => undefined,
      warn: (message: string) => warnings.push(message),
    };
    const app = await createdApp({ providers: [handlerOf({ receives: { tell: make() } })], logger });
    const document = AsyncApiModule.createDocument(app);
    AsyncApiModule.createDocument(app);
    expect(document.components.schemas['Handler.tell']).toEqual({
      description: expect.stringContaining('can not be told as JSON Schema'),
    });
    expect(warnings.filter((warning) => warning.includes('Handler.tell'))).toEqual([
      `Handler.tell is in the document as anything: ${why}`,
    ]);
    expect(await problems(document)).toEqual([]);
  });

  it('and names of whatever letters', async () => {
    const contract = defineContract({
      calls: {
        'a/b ~ ü': { request: z.string() },
        'c.response': { request: z.string() },
        c: { request: z.string() },
      },
    });
    const app = await createdApp({ providers: [Decider] });
    const document = AsyncApiModule.createDocument(app, { contracts: { '/decided': contract } });
    expect(await problems(document)).toEqual([]);
    expect(Object.keys(document.channels.Decider!.messages!)).toEqual(
      expect.arrayContaining(['a/b ~ ü', 'c.response', 'c.response_2', 'c.response.response']),
    );
  });
});

describe.each(['express', 'fastify'] as const)('served on %s', (platform) => {
  const providers = [ChatHandler, Decider];

  it('as JSON, as YAML and as a page', async () => {
    const { app, url } = await startApp({
      providers,
      platform,
      configure: (it) => AsyncApiModule.setup('/asyncapi', it),
    });
    const document = AsyncApiModule.createDocument(app);
    const json = await fetch(`${url}/asyncapi-json`);
    expect(json.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await json.json()).toEqual(document);
    const yaml = await fetch(`${url}/asyncapi-yaml`);
    expect(yaml.headers.get('content-type')).toBe('application/yaml; charset=utf-8');
    const text = await yaml.text();
    expect(parseYaml(text)).toEqual(document);
    expect(text).toMatch(/^asyncapi: 3.0.0$/m);
    const page = await fetch(`${url}/asyncapi`);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const html = await page.text();
    expect(html).toContain('<code>whoIsHere</code> (receive, with a reply)');
    expect(html).toContain('href="/asyncapi-json"');
  });

  it('under the global prefix, where it is told to, made once, at the first request', async () => {
    const titles = ['<b>first</b>', 'second'];
    const { url } = await startApp({
      providers,
      platform,
      configure: (app) => {
        app.setGlobalPrefix('v1');
        AsyncApiModule.setup(
          'docs/',
          app,
          () => AsyncApiModule.createDocument(app, { title: titles.shift() }),
          { useGlobalPrefix: true, jsonDocumentUrl: 'async.json' },
        );
        AsyncApiModule.setup('/plain', app, AsyncApiModule.createDocument(app, { title: 'plain' }));
      },
    });
    expect(titles).toHaveLength(2);
    expect(await (await fetch(`${url}/v1/docs`)).text()).toContain('<h1>&lt;b&gt;first&lt;/b&gt; 1.0.0</h1>');
    expect(await (await fetch(`${url}/v1/async.json`)).json()).toMatchObject({
      info: { title: '<b>first</b>' },
    });
    expect((await fetch(`${url}/v1/docs-yaml`)).status).toBe(200);
    expect(await (await fetch(`${url}/plain-json`)).json()).toMatchObject({ info: { title: 'plain' } });
    expect((await fetch(`${url}/docs`)).status).toBe(404);
  });

  it('a document that can not be made is a 500, and nothing of why', async () => {
    const { url } = await startApp({
      providers,
      platform,
      configure: (app) =>
        AsyncApiModule.setup('/asyncapi', app, () => {
          throw new Error('secret');
        }),
    });
    const response = await fetch(`${url}/asyncapi-json`);
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({ statusCode: 500, message: 'Internal server error' });
  });
});

describe('errors', () => {
  it('of options', async () => {
    const app = await createdApp({ providers: [ChatHandler, Decider] });
    const make = (options: object) => () => AsyncApiModule.createDocument(app, options);
    expect(make({ tittle: 'x' })).toThrow('AsyncApiModule: the option "tittle" must be "title"');
    expect(make({ contracts: { '/decided': {} } })).toThrow(
      'the option "contracts./decided" must be what defineContract() returned',
    );
    expect(make({ contracts: { '/decidet': chat } })).toThrow(
      '"contracts./decided": there is no such server without a contract of its own',
    );
    expect(make({ contracts: { '/chat': chat } })).toThrow('there is no such server without a contract');
    expect(() => AsyncApiModule.setup('', app)).toThrow('the option "path" must be a path');
    expect(() => AsyncApiModule.setup('/a', app, undefined, { jsonDocumentUri: '/b' } as object)).toThrow(
      'must be "jsonDocumentUrl"',
    );
  });

  it('of a path that is no pattern', async () => {
    @WSSHandler('/rooms/:')
    class Wrong extends Decider {}
    await expect(documentOf(Wrong)).rejects.toThrow('Wrong: the option "path" must be a path or a pattern');
  });

  it('of an application without the module', async () => {
    class Nothing {}
    const app = await NestFactory.create({ module: Nothing }, { logger: false });
    created.push(app);
    expect(() => AsyncApiModule.createDocument(app)).toThrow('import FourDWebSocketModule.forRoot()');
  });
});
