/** What only Redis has: TLS, ACL users, clients of one's own, Redis Cluster, channels of several applications. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cluster, Redis } from 'ioredis';
import { BackplaneError } from 'nestjs-4d-websocket';
import { RedisBackplane } from 'nestjs-4d-websocket/redis';
import { Broker, REDIS } from '../support/brokers.js';
import { selfSigned } from '../support/certificate.js';
import { connectTo, startInstance, stopInstances, text, until, type Instance } from '../support/instances.js';
import { run } from '../support/process.js';
import { describeWith } from '../support/requirement.js';

const brokers: Broker[] = [];

async function startRedis(...args: string[]): Promise<Broker> {
  const broker = await Broker.redis(...args);
  brokers.push(broker);
  return broker;
}

/** A message of one reaches a client of the other, by broadcast, by topic and by id. */
async function expectConnected(a: Instance, b: Instance): Promise<void> {
  const { client, id } = await connectTo(b);
  await a.call('broadcast', '/chat', text('to all'));
  expect(await client.next()).toBe('to all');
  await a.call('sendTo', '/chat', id, text('to one'));
  expect(await client.next()).toBe('to one');
  client.send('join topic');
  expect(await client.next()).toBe('join topic');
  // When the broker knows of the topic, one of these comes.
  let arrived = false;
  const arrival = client.next().then((message) => {
    arrived = true;
    return message;
  });
  while (!arrived) await a.call('publish', '/chat', 'topic', text('to a topic'));
  expect(await arrival).toBe('to a topic');
  expect(await a.call('countConnections', '/chat')).toEqual({ connections: 1, instances: 2 });
  client.socket.terminate();
}

interface Told {
  componentSignature: string;
  message: string;
}

function isBusy(error: Error): boolean {
  return error.message.startsWith('BUSY');
}

async function joinAndLeaveMany(create: () => RedisBackplane): Promise<void> {
  const received: string[] = [];
  const observer = {
    receive: (channel: string) => void received.push(channel),
    remembered: () => undefined,
    behind: () => undefined,
    away: () => undefined,
    back: () => undefined,
  };
  const [backplane, other] = [create(), create()];
  await Promise.all([backplane.connect(observer), other.connect(observer)]);
  try {
    const topics = Array.from({ length: 150_000 }, (_, index) => `topic-${index}`);
    await backplane.subscribe(topics);
    backplane.unsubscribe(topics);
    await backplane.subscribe(['joined']);
    await other.publish('topic-0', Buffer.from('x'));
    await other.publish('topic-149999', Buffer.from('x'));
    await other.publish('joined', Buffer.from('x'));
    await until(() => Promise.resolve(received.length > 0));
    expect(received).toEqual(['joined']);
  } finally {
    await Promise.all([backplane.close(), other.close()]);
  }
}

describeWith('redis-server', REDIS, 'RedisBackplane', () => {
  afterEach(async () => {
    await stopInstances();
    await Promise.all(brokers.splice(0).map((broker) => broker.stop()));
  });

  it('speaks TLS (rediss://), and checks the certificate', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tls-'));
    const { key, cert } = await selfSigned();
    const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    await writeFile(keyFile, key);
    await writeFile(certFile, cert);
    const broker = await Broker.redisWithTls(keyFile, certFile);
    brokers.push(broker);
    const settings = { url: `rediss://localhost:${broker.port}` };
    const env = { CERTIFICATE: certFile };
    const [a, b] = await Promise.all([
      startInstance('redis-tls', settings, env),
      startInstance('redis-tls', settings, env),
    ]);
    await expectConnected(a, b);
    await expect(startInstance('redis', settings)).rejects.toThrow(
      /RedisBackplane: no connection .*certificate/,
    );
    await rm(folder, { recursive: true });
  });

  it('logs in as a user of the ACL, who needs its channels only', async () => {
    const broker = await startRedis();
    const admin = new Redis({ port: broker.port, host: '127.0.0.1' });
    const rights = ['+subscribe', '+unsubscribe', '+publish', '+ping', '+info', '+client', '+hello'];
    await admin.acl('SETUSER', 'app', 'on', '>secret', 'resetchannels', '&4d:*', ...rights);
    await admin.acl('SETUSER', 'other', 'on', '>secret', 'resetchannels', '&other:*', ...rights);
    admin.disconnect();
    const settings = { url: `redis://app:secret@127.0.0.1:${broker.port}` };
    const [a, b] = await Promise.all([startInstance('redis', settings), startInstance('redis', settings)]);
    await expectConnected(a, b);
    await expect(
      startInstance('redis', { url: `redis://other:secret@127.0.0.1:${broker.port}` }),
    ).rejects.toThrow(/NOPERM/);
  });

  it('asks again for a topic that a busy Redis refuses', async () => {
    const broker = await startRedis('--busy-reply-threshold', '50');
    const settings = { url: `redis://127.0.0.1:${broker.port}` };
    const [a, b] = await Promise.all([startInstance('redis', settings), startInstance('redis', settings)]);
    const [early, late] = [(await connectTo(b)).client, (await connectTo(b)).client];
    const [admin, busy] = [1, 2].map(() => new Redis({ port: broker.port, host: '127.0.0.1' })) as [
      Redis,
      Redis,
    ];
    try {
      const script = busy.eval('while true do end', 0).catch((error: Error) => error);
      await until(() => admin.ping().then(() => false, isBusy));
      early.send('join news');
      await early.next();
      await until(async () => (await b.call<Told[]>('errors', '/chat')).length > 0);
      expect((await b.call<Told[]>('errors', '/chat'))[0]).toMatchObject({
        componentSignature: 'bkpl',
        message: expect.stringMatching(/refuses to subscribe to the channel \/chat#topic:news,.*: BUSY/),
      });
      await admin.script('KILL');
      await script;
      late.send('join news');
      await late.next();
      await until(async () => {
        await a.call('publish', '/chat', 'news', text('heard'));
        return early.unread.length > 0 && late.unread.length > 0;
      });
      expect(await b.call('problems')).toEqual([]);
    } finally {
      for (const redis of [admin, busy]) redis.disconnect();
      for (const client of [early, late]) client.socket.terminate();
    }
  }, 30_000);

  it.each([
    ['the channel of a topic', ['resetchannels', '&4d:#*', '&4d:/chat#all', '&4d:/[fr]*'], ['&4d:*']],
    ['the command', ['-subscribe'], ['+subscribe']],
  ])(
    'asks again when it may not have %s after an outage',
    async (_what, taken, given) => {
      const broker = await startRedis();
      const admin = new Redis({ port: broker.port, host: '127.0.0.1' });
      const rights = ['+subscribe', '+unsubscribe', '+publish', '+ping', '+info', '+client', '+hello'];
      await admin.acl('SETUSER', 'app', 'on', '>secret', 'resetchannels', '&4d:*', ...rights);
      const settings = { url: `redis://app:secret@127.0.0.1:${broker.port}` };
      const [a, b] = await Promise.all([startInstance('redis', settings), startInstance('redis', settings)]);
      const { client } = await connectTo(b);
      client.send('join news');
      await client.next();
      const messages = async () => (await b.call<Told[]>('errors', '/chat')).map(({ message }) => message);
      await admin.acl('SETUSER', 'app', ...taken);
      await admin.call('CLIENT', 'KILL', 'USER', 'app');
      await until(async () => (await messages()).length === 2);
      expect(await messages()).toEqual([
        expect.stringMatching(/^The backplane is away: /),
        expect.stringMatching(
          /^The backplane is still away: RedisBackplane: Redis at 127\.0\.0\.1:\d+ refuses to subscribe: NOPERM/,
        ),
      ]);
      await admin.acl('SETUSER', 'app', ...given);
      await until(async () => {
        await a.call('publish', '/chat', 'news', text('heard'));
        return client.unread.length > 0;
      });
      expect(await messages()).toHaveLength(2);
      for (const instance of [a, b]) expect(await instance.call('problems')).toEqual([]);
      admin.disconnect();
      client.socket.terminate();
    },
    30_000,
  );

  it('hears the topics that it may beside one that it may not', async () => {
    const broker = await startRedis();
    const admin = new Redis({ port: broker.port, host: '127.0.0.1' });
    const rights = ['+subscribe', '+unsubscribe', '+publish', '+ping', '+info', '+client', '+hello'];
    const channels = ['&4d:topic-?', '&4d:topic-??', '&4d:topic-7?0'];
    await admin.acl('SETUSER', 'app', 'on', '>secret', 'resetchannels', ...channels, ...rights);
    const received = new Set<string>();
    const observer = {
      receive: (channel: string) => void received.add(channel),
      remembered: () => undefined,
      behind: () => undefined,
      away: () => undefined,
      back: () => undefined,
    };
    const backplane = new RedisBackplane({ url: `redis://app:secret@127.0.0.1:${broker.port}` });
    await backplane.connect(observer);
    const topics = Array.from({ length: 800 }, (_, index) => `topic-${index}`);
    await expect(backplane.subscribe(topics)).rejects.toThrow(/NOPERM/);
    for (const topic of topics) await admin.publish(`4d:${topic}`, 'x');
    expect(received.size).toBe(110);
    // Once it may, it is asked for all of them again.
    await admin.acl('SETUSER', 'app', '&4d:*');
    await backplane.subscribe(topics);
    for (const topic of topics) await admin.publish(`4d:${topic}`, 'x');
    await until(() => Promise.resolve(received.size === 800));
    admin.disconnect();
    await backplane.close();
  }, 30_000);

  it('joins and leaves more topics at once than a call has arguments', async () => {
    const broker = await startRedis();
    await joinAndLeaveMany(() => new RedisBackplane({ url: `redis://127.0.0.1:${broker.port}` }));
  }, 60_000);

  it('takes a client of ioredis, and leaves it alone', async () => {
    const broker = await startRedis();
    const settings = { host: '127.0.0.1', port: broker.port };
    const [a, b] = await Promise.all([
      startInstance('redis-client', settings),
      startInstance('redis', { url: `redis://127.0.0.1:${broker.port}` }),
    ]);
    await expectConnected(a, b);
    const redis = new Redis(settings);
    const backplane = new RedisBackplane({ client: redis });
    await backplane.connect({
      receive: () => undefined,
      away: () => undefined,
      back: () => undefined,
      remembered: () => undefined,
      behind: () => undefined,
    });
    await backplane.close();
    expect(await redis.ping()).toBe('PONG');
    redis.disconnect();
  });

  it('keeps applications apart by their prefixes', async () => {
    const broker = await startRedis();
    const url = `redis://127.0.0.1:${broker.port}`;
    const [a, b] = await Promise.all([
      startInstance('redis', { url, prefix: 'one' }),
      startInstance('redis', { url, prefix: 'two' }),
    ]);
    const { client, id } = await connectTo(b);
    await a.call('broadcast', '/chat', text('for the other application'));
    await a.call('sendTo', '/chat', id, text('for the other application'));
    expect(await a.call('countConnections', '/chat')).toEqual({ connections: 0, instances: 1 });
    await b.call('broadcast', '/chat', text('own'));
    expect(await client.next()).toBe('own');
    await client.close();
  });

  it('notices a Redis that no longer answers, and returns to it', async () => {
    const broker = await startRedis();
    const settings = { url: `redis://127.0.0.1:${broker.port}`, options: { socketTimeout: 500 } };
    const [a, b] = await Promise.all([startInstance('redis', settings), startInstance('redis', settings)]);
    const { client } = await connectTo(b);
    process.kill(broker.pid, 'SIGSTOP');
    await a.call('broadcast', '/chat', text('into the void'));
    await until(async () => (await a.call<unknown[]>('errors', '/chat')).length === 1);
    process.kill(broker.pid, 'SIGCONT');
    await until(async () => {
      await a.call('broadcast', '/chat', text('back'));
      return client.unread.some(({ data }) => data === 'back');
    });
    expect(await a.call('problems')).toEqual([]);
    await client.close();
  }, 30_000);

  it('says what is wrong with its options', async () => {
    const client = new Redis({ lazyConnect: true });
    expect(() => new RedisBackplane({ client, url: 'redis://localhost' })).toThrow(BackplaneError);
    expect(() => new RedisBackplane({ sharded: true })).toThrow(/sharded is for a Redis Cluster/);
    const observer = {
      receive: () => undefined,
      away: () => undefined,
      back: () => undefined,
      remembered: () => undefined,
      behind: () => undefined,
    };
    const broker = await startRedis();
    const backplane = new RedisBackplane({ url: `redis://127.0.0.1:${broker.port}` });
    await backplane.connect(observer);
    await expect(backplane.connect(observer)).rejects.toThrow(
      'RedisBackplane: it is connected already; make one for each application',
    );
    await backplane.close();
    // Closed, it may be used again, as tests do that start their application several times.
    await backplane.connect(observer);
    await backplane.close();
  });

  describe('on a Redis Cluster', () => {
    let nodes: Broker[];
    beforeAll(async () => {
      nodes = await Promise.all(
        [1, 2, 3].map(() => Broker.redis('--cluster-enabled', 'yes', '--cluster-node-timeout', '2000')),
      );
      await run('redis-cli', [
        ...['--cluster', 'create', ...nodes.map(({ port }) => `127.0.0.1:${port}`)],
        ...['--cluster-replicas', '0', '--cluster-yes'],
      ]);
      for (const { port } of nodes) await isReady(port);
    }, 60_000);
    afterAll(() => Promise.all(nodes.map((node) => node.stop())));

    async function isReady(port: number): Promise<void> {
      const redis = new Redis({ port, host: '127.0.0.1' });
      await until(async () => (await redis.cluster('INFO')).includes('cluster_state:ok'));
      redis.disconnect();
    }

    async function shardChannels(): Promise<string[]> {
      const all = await Promise.all(
        nodes.map(async ({ port }) => {
          const redis = new Redis({ port, host: '127.0.0.1' });
          const channels = (await redis.call('PUBSUB', 'SHARDCHANNELS')) as string[];
          redis.disconnect();
          return channels;
        }),
      );
      return all.flat();
    }

    it('uses sharded pub/sub, since it is there', async () => {
      const env = { PORT: String(nodes[0]!.port) };
      const [a, b] = await Promise.all([
        startInstance('redis-cluster', {}, env),
        startInstance('redis-cluster', {}, env),
      ]);
      await expectConnected(a, b);
      expect(await shardChannels()).toEqual(expect.arrayContaining(['4d:/chat#all', '4d:/farewell#all']));
      for (const instance of [a, b]) expect(await instance.call('problems')).toEqual([]);
    }, 30_000);

    it('or ordinary pub/sub, if that is wanted', async () => {
      const env = { PORT: String(nodes[1]!.port) };
      const [a, b] = await Promise.all([
        startInstance('redis-cluster', { sharded: false }, env),
        startInstance('redis-cluster', { sharded: false }, env),
      ]);
      await expectConnected(a, b);
      expect(await shardChannels()).toEqual([]);
    }, 30_000);

    it('joins and leaves more topics at once than a call has arguments', async () => {
      await joinAndLeaveMany(() => {
        const client = new Cluster([{ host: '127.0.0.1', port: nodes[0]!.port }], { lazyConnect: true });
        return new RedisBackplane({ client, sharded: false });
      });
    }, 60_000);

    it('comes back after all of its nodes were away', async () => {
      const env = { PORT: String(nodes[0]!.port) };
      const [a, b] = await Promise.all([
        startInstance('redis-cluster', {}, env),
        startInstance('redis-cluster', {}, env),
      ]);
      await expectConnected(a, b);
      const { client } = await connectTo(b);
      await Promise.all(nodes.map((node) => node.kill()));
      await until(async () => (await a.call<unknown[]>('errors', '/chat')).length > 0);
      await Promise.all(nodes.map((node) => node.start()));
      for (const { port } of nodes) await isReady(port);
      await until(async () => {
        await a.call('broadcast', '/chat', text('back'));
        return client.unread.some(({ data }) => data === 'back');
      });
      expect(await a.call('errors', '/chat')).toHaveLength(1);
      expect(await a.call('problems')).toEqual([]);
      await client.close();
    }, 60_000);
  });
});
