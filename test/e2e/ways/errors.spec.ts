import type { WSErrorEvent } from 'nestjs-4d-websocket';
import { Recorder } from '../../support/recorder.js';
import { startWay, type WayApp } from '../../support/ways/way-app.js';
import { WAYS, WAYS_WITH_SERVER_HANDLER } from '../../support/ways/ways.js';

class Unreadable extends Error {
  override get message(): string {
    throw new Error('the getter of a message throws');
  }
}

/** What hooks fail with. */
const FAILURES: Record<string, unknown> = {
  'an error': new Error('broken'),
  undefined,
  null: null,
  'a string': 'text',
  'a frozen object': Object.freeze({ frozen: true }),
  'an object without a prototype': Object.create(null),
  'an error whose message can not be read': new Unreadable('x'),
};

const fail = (what: string) => {
  const [how, name] = what.split(': ') as [string, string];
  if (how === 'rejects with') return Promise.reject(FAILURES[name]);
  throw FAILURES[name];
};

const WHAT_HAPPENS = Object.keys(FAILURES).flatMap((name) => [`throws: ${name}`, `rejects with: ${name}`]);

describe.each(WAYS)('12.2 errors: $name', (way) => {
  let app: WayApp;
  const logged = new Recorder();
  beforeAll(async () => {
    const logger = {
      log: () => undefined,
      warn: () => undefined,
      error: (message: unknown) => logged.push('error', message),
    };
    app = await startWay(way, undefined, logger);
  });
  afterAll(() => app.close());

  it.each(WHAT_HAPPENS)('onMessage %s: onError, nothing for the client, the next is served', async (what) => {
    const errors = new Recorder();
    const client = await app
      .serve({
        onMessage: (_ws, data) => (data === 'next' ? 'served' : fail(data)),
        onError: (_ws, event: WSErrorEvent) => errors.push('error', event),
      })
      .connect();
    client.send(what);
    client.send('next');
    expect(await client.next()).toBe('served');
    const [[event]] = errors.unread('error') as [[WSErrorEvent]];
    expect(event).toEqual({ type: 'error', errors: expect.any(Array) });
    expect(event.errors[0]).toMatchObject({ errCode: 1011, componentSignature: 'user' });
    expect(typeof event.errors[0].message).toBe('string');
    expect(event.errors[0].error === FAILURES[what.split(': ')[1]!]).toBe(true);
    expect(errors.order).toHaveLength(1);
    expect(client.unread).toEqual([]);
    await client.close();
  });

  it.each(WHAT_HAPPENS)('onOpen and onTerminate %s: onError, and all goes on', async (what) => {
    const events = new Recorder();
    const client = await app
      .serve({
        onOpen: () => fail(what),
        onMessage: (_ws, data) => data,
        onError: (_ws, event: WSErrorEvent) => events.push('error', typeof event.errors[0].message),
        onTerminate: () => fail(what),
      })
      .connect();
    client.send('served');
    expect(await client.next()).toBe('served');
    expect(await events.next('error')).toEqual(['string']);
    await client.close();
    expect(await events.next('error')).toEqual(['string']);
  });

  it.each(WHAT_HAPPENS)('onError %s: it is logged, and all goes on', async (what) => {
    const client = await app
      .serve({
        onMessage(_ws, data) {
          if (data === 'fail') throw new Error('the first failure');
          return data;
        },
        onError: () => fail(what),
      })
      .connect();
    client.send('fail');
    client.send('served');
    expect(await client.next()).toBe('served');
    expect(await logged.next('error')).toEqual([expect.stringMatching(/\(onError\): /)]);
    await client.close();
  });
});

describe.each(WAYS_WITH_SERVER_HANDLER)('4.1, 12.2 errors of onConnection: $name', (way) => {
  let app: WayApp;
  beforeAll(async () => {
    app = await startWay(way);
  });
  afterAll(() => app.close());

  it.each(WHAT_HAPPENS)('onConnection %s: 500 that tells nothing, and the next is let in', async (what) => {
    let failing = true;
    const served = app.serve({
      onConnection: () => (failing ? fail(what) : undefined),
      onMessage: (_ws, data) => data,
    });
    const { status, json } = await served.refused();
    expect({ status, json }).toEqual({
      status: 500,
      json: { statusCode: 500, message: 'Internal server error' },
    });
    failing = false;
    const client = await served.connect();
    client.send('served');
    expect(await client.next()).toBe('served');
    await client.close();
  });
});
