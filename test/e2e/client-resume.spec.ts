/** The client that resumes (reference 16.4, 16.7), against a server that was written after docs/protocol.md and shares no code with it. */
import { jest } from '@jest/globals';
import * as fc from 'fast-check';
import { FourDWebSocket, type ClientOptions, type ResumeStorage } from 'nestjs-4d-websocket/client';
import { ClientLog } from '../support/client-log.js';
import { deferred } from '../support/deferred.js';
import { freePort } from '../support/free-port.js';
import { PlainServer } from '../support/plain-server.js';
import { ResumingServer, type ResumingPeer } from '../support/resuming-server.js';

const QUICK = { minDelay: 1, maxDelay: 20 };
const V1 = 'nestjs-4d-websocket.v1';

const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).toReversed()) await end();
});

async function startServer(...args: Parameters<typeof ResumingServer.start>): Promise<ResumingServer> {
  const server = await ResumingServer.start(...args);
  ended.push(() => server.kill());
  return server;
}

/** Makes a client whose hooks are written down; `hooks` run after. */
function open(url: string, handler: Record<string, any> = {}, options: ClientOptions = {}) {
  const log = new ClientLog();
  const hooks: Record<string, unknown> = { ...handler };
  for (const [name, record] of Object.entries(log.hooks) as [string, (ws: any, event: any) => void][]) {
    hooks[name] = (ws: unknown, event: unknown) => {
      record(ws, event);
      return handler[name]?.(ws, event);
    };
  }
  const ws = new FourDWebSocket(url, hooks as object, { reconnect: QUICK, ...options });
  ended.push(() => ws.terminate());
  return { ws, log, data: () => log.all('message').map(({ data }) => data) };
}

/** A storage in memory, that counts how often it is written. */
function memoryStorage(found: Record<string, string> = {}) {
  const items = new Map(Object.entries(found));
  const storage = {
    getItem: jest.fn((key: string) => items.get(key) ?? null),
    setItem: jest.fn((key: string, value: string) => void items.set(key, value)),
  } satisfies ResumeStorage;
  return Object.assign(storage, { items });
}

const followsNews = (server: () => ResumingServer) => (peer: ResumingPeer) =>
  server().subscribe(peer, 'news');

describe('the handshake', () => {
  it('offers what others choose first; its own part of the choice is ws.protocol', async () => {
    const server = await startServer();
    const { ws, log } = open(server.url, {}, { protocols: ['chat.v2', 'chat.v1'] });
    await log.nth('open');
    const { headers } = (await server.peer(1)).request;
    expect(headers['sec-websocket-protocol']!.split(/, ?/)).toEqual([
      'chat.v2',
      'chat.v1',
      'nestjs-4d-websocket.plain',
      `${V1}.chat.v2`,
      `${V1}.chat.v1`,
      V1,
    ]);
    expect(ws.protocol).toBe('chat.v2');
  });

  it.each([
    ['plain', 'nestjs-4d-websocket.plain', ''],
    ['the application’s', 'chat.v1', 'chat.v1'],
  ])('with a server that chooses %s nothing is framed', async (_name, chosen, protocol) => {
    const server = await PlainServer.start({
      protocol: () => chosen,
      serve: (socket) => socket.send('as it is'),
    });
    ended.push(() => server.kill());
    const { ws, log } = open(server.url, {}, { protocols: ['chat.v1'] });
    expect(await log.nth('message')).toMatchObject({ data: 'as it is' });
    ws.send('so is this');
    await server.until(() => server.received.length > 0);
    expect(server.received).toEqual(['so is this']);
    expect(ws.protocol).toBe(protocol);
  });

  it('with resume: false it offers what it is told to, and no more', async () => {
    const server = await PlainServer.start();
    ended.push(() => server.kill());
    const { log } = open(server.url, {}, { resume: false });
    await log.nth('open');
    expect(server.requests[0]!.headers).not.toHaveProperty('sec-websocket-protocol');
  });

  it('a server that chooses nothing is told of in words that help', async () => {
    const server = await PlainServer.start({ protocol: () => false });
    ended.push(() => server.kill());
    const { log } = open(server.url);
    const { errors } = await log.nth('error');
    expect(errors[0].message).toContain('"resume: false"');
  });

  it('a connection is open when the server has said hello, not before', async () => {
    const server = await PlainServer.start({ protocol: () => V1 });
    ended.push(() => server.kill());
    const { ws, log } = open(server.url, {}, { connectTimeout: 200, reconnect: false });
    await server.until(() => server.received.length > 0);
    expect(server.received).toEqual(['["positions",[],[]]\n']);
    expect(ws.status).toBe('Connecting');
    await log.nth('terminate');
    expect(log.types).toEqual(['error', 'terminate']);
    expect(log.all('error')[0]!.errors[0].message).toBe('No connection within 200 ms');
  });

  it('what waited is not sent to a server that refuses by a close frame', async () => {
    let refusals = 0;
    const server = await startServer({ refuses: () => (refusals++ < 3 ? 4503 : undefined) });
    const { ws, log } = open(server.url);
    ws.send('one');
    ws.send('two');
    const peer = await server.peer(1);
    await server.until(() => peer.received.length === 2);
    expect(peer.received).toEqual(['one', 'two']);
    expect(log.types).toEqual(['disconnect', 'disconnect', 'disconnect', 'open']);
  });
});

describe('messages', () => {
  it.each(['text', 'blob', 'object'] as const)(
    'come and go unchanged, with dataType %p',
    async (dataType) => {
      const server = await startServer({
        joined(peer) {
          peer.send(undefined, '"text\\n"');
          peer.send(undefined, Buffer.from('"bytes"'));
          peer.send(['message', 'news', 1], '"\n"'.replace('\n', '\\n'));
        },
      });
      const { ws, log } = open(server.url, { dataType });
      await log.nth('message', 3);
      const as = (json: string) =>
        ({ text: json, blob: Buffer.from(json), object: JSON.parse(json) as unknown })[dataType];
      expect(log.all('message')).toEqual([
        { type: 'message', data: as('"text\\n"'), isBinary: false },
        { type: 'message', data: as('"bytes"'), isBinary: true },
        { type: 'message', data: as('"\\n"'), isBinary: false },
      ]);
      ws.send('text\n');
      ws.send(new Blob(['blob']));
      ws.send(Buffer.from([10, 0, 255]));
      ws.send({ json: 1 });
      ws.send('');
      const peer = await server.peer(1);
      await server.until(() => peer.received.length === 5);
      expect(peer.received).toEqual([
        'text\n',
        Buffer.from('blob'),
        Buffer.from([10, 0, 255]),
        '{"json":1}',
        '',
      ]);
    },
  );

  it('kinds that there are none of are ignored', async () => {
    const server = await startServer({
      joined(peer) {
        peer.send(['weather', 'sunny'], 'payload');
        peer.send(['heartbeat']);
        peer.send(undefined, 'after');
      },
    });
    const { log, data } = open(server.url);
    await log.nth('message');
    expect(data()).toEqual(['after']);
  });
});

describe('resuming', () => {
  it('a line that is cut again and again costs nothing: all messages, once, in order', async () => {
    const port = await freePort();
    let server = await startServer({ port, joined: followsNews(() => server) });
    const { log, data } = open(server.url);
    await server.peer(1);
    let count = 0;
    for (let round = 0; round < 30; round++) {
      server.publish('news', String(count++));
      server.publish('news', String(count++));
      if (round % 3 === 0) server.cut();
      if (round % 10 === 9) {
        // Another instance with the same memory.
        const before = server;
        await before.kill();
        server = await startServer({ port, joined: followsNews(() => server) }, before);
      }
      server.publish('news', String(count++));
      await log.nth('message', round * 2 + 1);
    }
    await log.nth('message', count);
    expect(data()).toEqual(Array.from({ length: count }, (_, index) => String(index)));
    expect(log.all('resume').length).toBeGreaterThan(0);
    for (const { topics } of log.all('resume'))
      expect(topics).toEqual({ news: { recovered: true, lost: 0 } });
    expect(log.all('error').map(({ errors }) => errors[0].errCode)).not.toContain(1002);
  });

  it('brings the ids of its connections, and where it stands', async () => {
    const server = await startServer({ joined: followsNews(() => server) });
    const { ws, log } = open(server.url);
    const first = await server.peer(1);
    expect([first.ids, first.positions]).toEqual([[], []]);
    await log.nth('open');
    server.publish('news', 'one');
    server.publish('news', 'mine', [first.id]);
    server.publish('news', 'three');
    await log.nth('message', 2);
    server.subscribe(first, 'other');
    server.unsubscribe(first, 'other');
    first.send(undefined, 'last');
    await log.nth('message', 3);
    server.cut();
    await server.until(() => server.peers.size === 0);
    server.publish('news', 'mine, too', [first.id]);
    server.publish('news', 'five');
    const second = await server.peer(2);
    expect(second.ids).toEqual([first.id]);
    expect(second.positions).toEqual([['news', expect.any(String), 3]]);
    await log.nth('resume');
    expect(log.all('message').map(({ data }) => data)).toEqual(['one', 'three', 'last', 'five']);
    expect(ws.status).toBe('Connected');
  });

  it('onResume comes in order with the messages, and says what was lost', async () => {
    const server = await startServer({
      remembers: 2,
      joined: (peer) => server.subscribe(peer, 'news', '__proto__'),
    });
    const { log } = open(server.url);
    await server.peer(1);
    await log.nth('open');
    server.publish('news', '1');
    await log.nth('message');
    server.cut();
    await server.until(() => server.peers.size === 0);
    for (const message of ['2', '3', '4', '5']) server.publish('news', message);
    const { topics } = await log.nth('resume');
    expect(topics.news).toEqual({ recovered: false, lost: 2 });
    expect(Object.entries(topics)).toContainEqual(['__proto__', { recovered: true, lost: 0 }]);
    expect(log.types.filter((type) => type !== 'error')).toEqual([
      'open',
      'message',
      'disconnect',
      'open',
      'message',
      'message',
      'resume',
    ]);
  });

  it('a store that lost its memory is told of while the connection holds', async () => {
    const server = await startServer({ joined: followsNews(() => server) });
    const { log } = open(server.url);
    await server.peer(1);
    server.publish('news', 'before');
    await log.nth('message');
    server.forget('news');
    expect(await log.nth('resume')).toEqual({
      type: 'resume',
      topics: { news: { recovered: false, lost: undefined } },
    });
    server.publish('news', 'after');
    await log.nth('message', 2);
    server.cut();
    expect((await server.peer(2)).positions).toEqual([['news', expect.any(String), 1]]);
    expect(await log.nth('resume', 2)).toMatchObject({ topics: { news: { recovered: true } } });
  });

  it('what waits behind a slow hook when the line is cut comes once', async () => {
    const server = await startServer({ joined: followsNews(() => server) });
    const slow = deferred<void>();
    const { log, data } = open(server.url, {
      onMessage: (_ws: unknown, event: { data: string }) => (event.data === '0' ? slow.promise : undefined),
    });
    const peer = await server.peer(1);
    for (let index = 0; index < 5; index++) server.publish('news', String(index));
    peer.socket.close(1012);
    await server.until(() => server.peers.size === 0);
    server.publish('news', '5');
    const second = await server.peer(2);
    expect(second.positions[0]![2]).toBe(5);
    slow.resolve();
    await log.nth('message', 6);
    expect(data()).toEqual(['0', '1', '2', '3', '4', '5']);
  });

  it('brings the 1000 topics that it followed last, and the newest 100 ids', async () => {
    const server = await startServer({
      joined(peer) {
        for (let index = 0; index < 1100; index++) peer.send(['topic', `topic ${index}`, 'e', index]);
        peer.send(['topic', 'topic 100', 'e', 5]);
        peer.send(undefined, 'ready');
      },
    });
    const { log } = open(server.url);
    for (let round = 1; round <= 102; round++) {
      await log.nth('message', round);
      server.cut();
    }
    const last = await server.peer(103);
    expect(last.ids).toEqual(Array.from({ length: 100 }, (_, index) => index + 3));
    expect(last.positions).toHaveLength(1000);
    expect(last.positions.at(-1)).toEqual(['topic 100', 'e', 5]);
    expect(last.positions[0]).toEqual(['topic 101', 'e', 101]);
  });
});

describe('positions in a storage', () => {
  it('are those of the messages that onMessage has finished with, written at most once a turn', async () => {
    const server = await startServer({ joined: followsNews(() => server) });
    const storage = memoryStorage();
    const slow = deferred<void>();
    const { ws, log } = open(
      `${server.url}?token=secret`,
      {
        onMessage: (_ws: unknown, event: { data: string }) =>
          event.data === '50' ? slow.promise : undefined,
      },
      { resume: { storage } },
    );
    await log.nth('open');
    await server.peer(1);
    for (let index = 0; index <= 52; index++) server.publish('news', String(index));
    await log.nth('message', 51);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const [key, line] = [...storage.items][0]!;
    expect(key).toBe(`nestjs-4d-websocket.v1:${server.url}`);
    expect(JSON.parse(line)).toEqual(['positions', [1], [['news', expect.any(String), 50]]]);
    expect(storage.setItem.mock.calls.length).toBeLessThan(20);
    // The page goes, and its hook with it: another one begins where onMessage had come to.
    ws.terminate();
    const next = open(server.url, {}, { resume: { storage } });
    await next.log.nth('resume');
    expect(next.data()).toEqual(['50', '51', '52']);
    expect((await server.peer(2)).ids).toEqual([1]);
    slow.resolve();
  });

  it('have the key that is said', async () => {
    const server = await startServer();
    const storage = memoryStorage();
    const { log } = open(server.url, {}, { resume: { storage, key: 'mine' } });
    await log.nth('open');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([...storage.items.keys()]).toEqual(['mine']);
  });

  it.each([
    '',
    'garbage',
    '[]',
    '["positions"]\n',
    '["positions",[],[["a","e",-1]]]\n',
    '["hello",[],[]]\n',
    'null\n',
  ])('garbage there is ignored: %j', async (garbage) => {
    const server = await startServer();
    const { log } = open(
      server.url,
      {},
      { resume: { storage: memoryStorage({ mine: garbage }), key: 'mine' } },
    );
    await log.nth('open');
    const peer = await server.peer(1);
    expect([peer.ids, peer.positions]).toEqual([[], []]);
    expect(log.types).toEqual(['open']);
  });

  it.each<[string, () => any]>([
    [
      'throws',
      () => {
        throw new Error('QuotaExceededError');
      },
    ],
    ['rejects', () => Promise.reject(new Error('QuotaExceededError'))],
  ])('a storage that %s is told of once, and the client lives', async (_what, full) => {
    const unhandled = jest.fn();
    process.on('unhandledRejection', unhandled);
    ended.push(() => process.off('unhandledRejection', unhandled));
    const server = await startServer({ joined: followsNews(() => server) });
    const { log, data } = open(server.url, {}, { resume: { storage: { getItem: full, setItem: full } } });
    await log.nth('open');
    await server.peer(1);
    for (let index = 0; index < 3; index++) {
      server.publish('news', String(index));
      await log.nth('message', index + 1);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(data()).toEqual(['0', '1', '2']);
    expect(log.all('error')).toHaveLength(1);
    expect(log.all('error')[0]!.errors[0]).toMatchObject({
      message: 'QuotaExceededError',
      componentSignature: 'user',
      errCode: 1011,
    });
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe('what breaks the protocol', () => {
  it.each([
    ['no header line', 'hello'],
    ['a header that is none', 'x\n'],
    ['hello twice', '["hello",{"id":2,"heartbeat":0}]\n'],
    ['a position that is none', '["message","news",-1]\n'],
  ])('%s: closed with 1002', async (_name, frame) => {
    const closed = deferred<number>();
    const server = await startServer({
      joined(peer) {
        peer.socket.on('close', (code) => closed.resolve(code));
        peer.socket.send(frame);
      },
    });
    const { log } = open(server.url);
    expect(await log.nth('terminate')).toMatchObject({ code: 1002 });
    expect(log.types).toEqual(['open', 'error', 'terminate']);
    expect(log.all('error')[0]!.errors[0]).toMatchObject({
      errCode: 1002,
      message: 'The server breaks the sub-protocol',
    });
    expect(await closed.promise).toBe(1002);
  });

  it('mangled frames: it goes on, or closes with 1002, and throws nothing', async () => {
    const frames = fc.oneof(
      { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
      { weight: 3, arbitrary: fc.json().map((json) => `${json}\n`) },
      {
        weight: 5,
        arbitrary: fc
          .tuple(
            fc.constantFrom(
              'hello',
              'heartbeat',
              'topic',
              'message',
              'left',
              'resumed',
              'positions',
              '__proto__',
            ),
            fc.array(fc.oneof(fc.json(), fc.constantFrom('"news"', '1', 'true', '["news"]')), {
              maxLength: 6,
            }),
            fc.string(),
          )
          .map(([kind, members, payload]) => `[${[JSON.stringify(kind), ...members].join()}]\n${payload}`),
      },
    );
    const unhandled = jest.fn();
    process.on('unhandledRejection', unhandled);
    process.on('uncaughtExceptionMonitor', unhandled);
    ended.push(() => process.off('unhandledRejection', unhandled).off('uncaughtExceptionMonitor', unhandled));
    let send: string[] = [];
    let isBinary = false;
    const server = await PlainServer.start({
      protocol: () => V1,
      serve(socket) {
        socket.send('["hello",{"id":1,"heartbeat":0}]\n');
        for (const frame of send) socket.send(isBinary ? Buffer.from(frame) : frame);
        socket.close(4000);
      },
    });
    ended.push(() => server.kill());
    await fc.assert(
      fc.asyncProperty(fc.array(frames, { maxLength: 8 }), fc.boolean(), async (mangled, binary) => {
        send = mangled;
        isBinary = binary;
        const { log } = open(server.url, {}, { resume: { storage: memoryStorage() } });
        const { code } = await log.nth('terminate');
        expect([1002, 1007, 4000]).toContain(code);
        expect(log.types[0]).toBe('open');
      }),
      { numRuns: 200 },
    );
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe('hooks that are slow', () => {
  const waitsAtFirst = () => {
    const slow = deferred<void>();
    let isFirst = true;
    return {
      resolve: slow.resolve,
      onMessage() {
        if (!isFirst) return undefined;
        isFirst = false;
        return slow.promise;
      },
    };
  };

  it('slow the server down, instead of filling the memory', async () => {
    const server = await startServer({ joined: followsNews(() => server) });
    const slow = waitsAtFirst();
    const { log } = open(server.url, { dataType: 'blob', onMessage: slow.onMessage });
    const peer = await server.peer(1);
    const size = 2 ** 16;
    for (let index = 0; index < 500; index++) server.publish('news', Buffer.alloc(size));
    await log.nth('message');
    // Until nothing moves any more.
    for (let before = -1; before !== peer.socket.bufferedAmount;) {
      before = peer.socket.bufferedAmount;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    expect(peer.socket.bufferedAmount).toBeGreaterThan(200 * size);
    slow.resolve();
    await log.nth('message', 500);
  });

  it('are not taken for a server that is silent; nothing is lost', async () => {
    const server = await startServer({ joined: followsNews(() => server) });
    const slow = waitsAtFirst();
    const { log, data } = open(server.url, slow, { heartbeat: { interval: 50, timeout: 50 } });
    await server.peer(1);
    for (let index = 0; index < 1000; index++) server.publish('news', String(index));
    await log.nth('message');
    await new Promise((resolve) => setTimeout(resolve, 400));
    slow.resolve();
    await log.nth('message', 1000);
    expect(log.types).toEqual(['open', ...Array(1000).fill('message')]);
    expect(data()).toEqual(Array.from({ length: 1000 }, (_, index) => String(index)));
  });

  it('do not keep a client from ending', async () => {
    const server = await startServer({ joined: followsNews(() => server) });
    const slow = waitsAtFirst();
    const { ws, log } = open(server.url, slow);
    const peer = await server.peer(1);
    for (let index = 0; index < 1000; index++) server.publish('news', String(index));
    await log.nth('message');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const closed = deferred<number>();
    peer.socket.on('close', (code) => closed.resolve(code));
    ws.terminate(4000);
    expect(await closed.promise).toBe(4000);
    slow.resolve();
    expect(await log.nth('terminate')).toMatchObject({ code: 4000 });
  });
});

describe('a server that refuses by a close frame, without the sub-protocol', () => {
  it('does not get what waited: it goes to the next one', async () => {
    let refusals = 0;
    const server = await PlainServer.start({
      serve(socket) {
        if (refusals++ < 20) socket.close(4503);
      },
    });
    ended.push(() => server.kill());
    const { ws } = open(server.url, {}, { resume: false });
    ws.send('one');
    ws.send('two');
    await server.until(() => server.received.length === 2);
    expect(server.received).toEqual(['one', 'two']);
    expect(refusals).toBe(21);
  });
});
