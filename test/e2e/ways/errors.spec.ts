import type { WSErrorEvent } from 'nestjs-4d-websocket';
import { Recorder } from '../../support/recorder.js';
import { startWay, type WayApp } from '../../support/ways/way-app.js';
import { WAYS, WAYS_WITH_SERVER_HANDLER } from '../../support/ways/ways.js';

const unreadable = Object.defineProperty(new Error('x'), 'message', {
  get() {
    throw new Error('this message can not be read');
  },
});

/** What hooks fail with. */
const FAILURES: Record<string, unknown> = {
  'an error': new Error('broken'),
  undefined,
  null: null,
  'a string': 'text',
  'a frozen object': Object.freeze({ frozen: true }),
  'an object without a prototype': Object.create(null),
  'an error whose message can not be read': unreadable,
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

  it('onMessage fails with anything: onError, nothing for the client, the next message is served', async () => {
    const errors = new Recorder();
    const client = await app
      .serve({
        onMessage: (_ws, data) => (data === 'next' ? 'served' : fail(data)),
        onError: (_ws, event: WSErrorEvent) => errors.push('error', event),
      })
      .connect();
    for (const what of WHAT_HAPPENS) {
      client.send(what);
      client.send('next');
      expect([what, await client.next()]).toEqual([what, 'served']);
      const [event] = (await errors.next('error')) as [WSErrorEvent];
      expect(event).toEqual({ type: 'error', errors: expect.any(Array) });
      expect(event.errors[0]).toMatchObject({ errCode: 1011, componentSignature: 'user' });
      expect([what, typeof event.errors[0].message]).toEqual([what, 'string']);
      expect([what, event.errors[0].error === FAILURES[what.split(': ')[1]!]]).toEqual([what, true]);
    }
    expect(errors.order).toHaveLength(WHAT_HAPPENS.length);
    expect(client.unread).toEqual([]);
    await client.close();
  });

  it('onOpen and onTerminate fail with anything: onError, and all goes on', async () => {
    for (const what of WHAT_HAPPENS) {
      const events = new Recorder();
      const client = await app
        .serve({
          onOpen: () => fail(what),
          onMessage: (_ws, data) => data,
          onError: (_ws, event: WSErrorEvent) => events.push('error', what, typeof event.errors[0].message),
          onTerminate: () => fail(what),
        })
        .connect();
      client.send(what);
      expect(await client.next()).toBe(what);
      expect(await events.next('error')).toEqual([what, 'string']);
      await client.close();
      expect(await events.next('error')).toEqual([what, 'string']);
    }
  });

  it('onError fails with anything: it is logged, and all goes on', async () => {
    let failure = '';
    const client = await app
      .serve({
        onMessage(_ws, data) {
          if (data === 'fail') throw new Error('the first failure');
          return data;
        },
        onError: () => fail(failure),
      })
      .connect();
    for (failure of WHAT_HAPPENS) {
      client.send('fail');
      client.send(failure);
      expect(await client.next()).toBe(failure);
      expect([failure, await logged.next('error')]).toEqual([
        failure,
        [expect.stringMatching(/\(onError\): /)],
      ]);
    }
    await client.close();
  });
});

describe.each(WAYS_WITH_SERVER_HANDLER)('4.1, 12.2 errors of onConnection: $name', (way) => {
  let app: WayApp;
  beforeAll(async () => {
    app = await startWay(way);
  });
  afterAll(() => app.close());

  it('onConnection fails with anything: 500 that tells nothing, and the next client is let in', async () => {
    for (const what of WHAT_HAPPENS) {
      let failing = true;
      const served = app.serve({
        onConnection: () => (failing ? fail(what) : undefined),
        onMessage: (_ws, data) => data,
      });
      const { status, json, body } = await served.refused();
      expect([what, status, json.message]).toEqual([what, 500, 'Internal server error']);
      expect(body).not.toMatch(/broken|text|frozen|read/);
      failing = false;
      const client = await served.connect();
      client.send(what);
      expect(await client.next()).toBe(what);
      await client.close();
    }
  });
});
