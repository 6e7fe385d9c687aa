import { connect, connectRefused } from '../support/client.js';
import { FixtureProcess } from '../support/fixture.js';
import { within } from '../support/patience.js';

/**
 * An application in a process of its own: an exception that nobody takes, or a rejection, ends it, as it would in
 * production.
 */
describe('12.2 what the application gives us and fails does not end the process', () => {
  let app: FixtureProcess;
  beforeEach(async () => {
    app = await FixtureProcess.start('test/e2e/fixture/careless.ts');
  });
  afterEach(() => app.stop());

  /** What a hook hears next. */
  const next = () => within(app.call<Record<string, unknown>>('next'));

  /** It serves others all the same. */
  async function expectAlive() {
    const client = await connect(`${app.url}/echo`);
    client.send('alive');
    expect(await client.next()).toBe('alive');
    await client.close();
  }

  it.each(['sync', 'async'])(
    'an HttpException whose body has a bigint (%s): its status, and a JSON body all the same',
    async (how) => {
      expect(await within(connectRefused(`${app.url}/exception/bigint/${how}`))).toMatchObject({
        status: 418,
        json: { statusCode: 418, message: expect.any(String) },
      });
      expect(await next()).toMatchObject({ path: '/exception/:kind/:how', hook: 'error' });
      await expectAlive();
    },
  );

  it.each(['sync', 'async'])(
    'an HttpException whose body is a cycle (%s): its status, and a JSON body all the same',
    async (how) => {
      expect(await within(connectRefused(`${app.url}/exception/cycle/${how}`))).toMatchObject({
        status: 418,
        json: { statusCode: 418, message: expect.any(String) },
      });
      expect(await next()).toMatchObject({ path: '/exception/:kind/:how', hook: 'error' });
      await expectAlive();
    },
  );

  it('an asynchronous handshake middleware that rejects: 500, and onError', async () => {
    const refused = await within(connectRefused(`${app.url}/middleware`));
    expect(refused.status).toBe(500);
    expect(refused.body).not.toContain('session store');
    expect(await next()).toMatchObject({
      path: '/middleware',
      hook: 'error',
      message: 'the session store is away',
    });
    await expectAlive();
  });

  it('an asynchronous allowedOrigins that rejects: 403, and onError', async () => {
    expect(
      await within(connectRefused(`${app.url}/origins`, { origin: 'https://broken.example' })),
    ).toMatchObject({ status: 403, json: { message: 'This origin may not connect' } });
    expect(await next()).toMatchObject({
      path: '/origins',
      hook: 'error',
      componentSignature: 'http',
      message: 'the tenants are away',
    });
    await expectAlive();
  });

  it('a teardown that throws when its client leaves: onError, then onTerminate', async () => {
    const client = await connect(`${app.url}/teardown`);
    client.send('x');
    expect(await client.next()).toBe('x');
    await client.close();
    expect(await next()).toMatchObject({
      path: '/teardown',
      hook: 'error',
      message: expect.stringContaining('broken teardown'),
    });
    expect(await next()).toEqual({ path: '/teardown', hook: 'terminate' });
    await expectAlive();
  });

  it.each(['complete', 'error'])(
    'a teardown that throws when its stream ends by %s, from a timer: onError, then onTerminate',
    async (how) => {
      const client = await connect(`${app.url}/teardown`);
      client.send(how);
      expect(await client.next()).toBe(how);
      if (how === 'error') expect(await next()).toMatchObject({ hook: 'error', message: 'broken stream' });
      expect(await next()).toMatchObject({
        path: '/teardown',
        hook: 'error',
        message: expect.stringContaining('broken teardown'),
      });
      await client.close();
      expect(await next()).toEqual({ path: '/teardown', hook: 'terminate' });
      await expectAlive();
    },
  );

  it.each(['changed', 'deleted'])('a Blob whose file was %s: onError; others are served', async (how) => {
    const other = await connect(`${app.url}/echo`);
    const client = await connect(`${app.url}/blob`);
    client.send(how);
    expect(await next()).toMatchObject({ path: '/blob', hook: 'error' });
    other.send('other');
    expect(await other.next()).toBe('other');
    await other.close();
    await expectAlive();
  });
});
