/** What only node:cluster has: a primary, a shared port, two ways to serialize. */
import { connect } from '../support/client.js';
import { compileFixture } from '../support/fixture.js';
import { connectTo, startInstance, startWorkers, stopInstances, text } from '../support/instances.js';
import { TestProcess } from '../support/process.js';

afterEach(stopInstances);

describe('ClusterBackplane', () => {
  it('tells who forgot to set up the primary', async () => {
    await expect(startWorkers(1, { WITHOUT_SETUP: 'yes' })).rejects.toThrow(
      /BackplaneError: ClusterBackplane: the primary process did not answer .*ClusterBackplane\.setupPrimary\(\) before it forks/,
    );
  });

  it('takes workers that were forked before the primary was set up', async () => {
    const [a, b] = await startWorkers(2, { LATE_SETUP: 'yes' });
    const { client, id } = await connectTo(b!);
    await a!.call('broadcast', '/chat', { type: 'binary', value: 'bytes', length: 100_000 });
    expect(await client.next()).toEqual(Buffer.from('bytes'.repeat(20_000)));
    await a!.call('sendTo', '/chat', id, text('to one'));
    expect(await client.next()).toBe('to one');
    await client.close();
  });

  it('is an instance alone where there is no cluster', async () => {
    const instance = await startInstance('alone-in-primary');
    const { client } = await connectTo(instance);
    await instance.call('broadcast', '/chat', text('hello'));
    expect(await client.next()).toBe('hello');
    expect(await instance.call('countConnections', '/chat')).toEqual({ connections: 1, instances: 1 });
    await client.close();
  });

  it('lets workers die at any moment', async () => {
    const program = compileFixture('test/e2e/fixture/dying-workers.ts');
    const primary = new TestProcess('node', [program], {
      env: { ...process.env, NODE_OPTIONS: '', WORKERS: '18' },
    });
    try {
      await primary.line(/^the primary lives$/);
      expect(primary.output).toBe('the primary lives');
    } finally {
      await primary.stop();
    }
  }, 60_000);

  it('connects the workers behind one port, of the guide’s primary', async () => {
    const program = compileFixture('test/e2e/fixture/shared-port.ts');
    const primary = new TestProcess('node', [program], {
      env: { ...process.env, NODE_OPTIONS: '', WORKERS: '3' },
    });
    try {
      const [, port] = await primary.line(/^ready on (\d+)$/);
      const clients = await Promise.all(
        Array.from({ length: 12 }, () => connect(`ws://127.0.0.1:${port}/news`)),
      );
      const workers = new Set<unknown>();
      for (const client of clients) workers.add(await client.next());
      expect(workers.size).toBe(3);
      clients[0]!.send('for all of you');
      for (const client of clients) expect(await client.next()).toBe('for all of you');
      for (const client of clients) client.socket.terminate();
    } finally {
      await primary.stop();
    }
  }, 30_000);
});
