/** What only one kind of history store has: strangers in it, its refusals, its bounds, its failures. */
import { Cluster, Redis } from 'ioredis';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect as connectToNats } from '@nats-io/transport-node';
import { BackplaneError, type HistoryBounds } from 'nestjs-4d-websocket';
import { NatsBackplane } from 'nestjs-4d-websocket/nats';
import { RedisBackplane } from 'nestjs-4d-websocket/redis';
import { RememberedChannels } from '../../lib/remembered/remembered-channels.js';
import { Broker, NATS, REDIS } from '../support/brokers.js';
import { FixtureProcess } from '../support/fixture.js';
import { LocalMember, WorkerMember } from '../support/history-kinds.js';
import { until } from '../support/instances.js';
import { startNatsCluster } from '../support/nats-cluster.js';
import { MovingSlot, startRedisCluster } from '../support/redis-cluster.js';
import { describeWith } from '../support/requirement.js';

const BOUNDS: HistoryBounds = { messages: 1000, age: 300_000 };
const CHANNEL = '/chat#topic:room';
const STREAM = `4d:history:{4d:${CHANNEL}}:messages`;
const POSITION = `4d:history:{4d:${CHANNEL}}:position`;

const brokers: Broker[] = [];
const members: LocalMember[] = [];

afterEach(async () => {
  await Promise.all(members.splice(0).map(({ backplane }) => backplane.close()));
  await Promise.all(brokers.splice(0).map((broker) => broker.stop()));
});

async function join(backplane: RedisBackplane | NatsBackplane): Promise<LocalMember> {
  const member = await new LocalMember(backplane).connect();
  members.push(member);
  return member;
}

describe('The memory of a process', () => {
  it('lets go of what nobody uses', async () => {
    const channels = new RememberedChannels();
    const bounds = { messages: 100, age: 1_000 };
    const shared = Buffer.alloc(1024 * 1024);
    for (let topic = 0; topic < 10_000; topic++) {
      channels.append(`topic ${topic}`, [shared.subarray(topic, topic + 100)], bounds);
    }
    expect([channels.size, channels.messages, channels.bytes]).toEqual([10_000, 10_000, 1_000_000]);
    // No more is kept alive than the message.
    expect(channels.read('topic 5', 0, 1, bounds).entries[0]!.message.buffer.byteLength).toBe(100);
    await until(async () => channels.messages === 0);
    expect(channels.bytes).toBe(0);
    // The positions stay.
    expect(channels.size).toBe(10_000);
    expect(channels.append('topic 5', [shared], bounds).offset).toBe(2);
    channels.clear();
  });

  it('has no more room than its bounds ask for', () => {
    const channels = new RememberedChannels();
    const bounds = { messages: 10, age: 60_000 };
    for (let number = 0; number < 1_000; number++) channels.append('a', [Buffer.alloc(number)], bounds);
    expect([channels.messages, channels.bytes]).toEqual([10, 9_945]);
    channels.forget('a');
    expect([channels.messages, channels.bytes]).toEqual([0, 0]);
    channels.clear();
  });
});

describeWith('redis-server', REDIS, 'The streams of Redis', () => {
  async function start(...args: string[]): Promise<{ broker: Broker; redis: Redis; member: LocalMember }> {
    const broker = await Broker.redis(...args);
    brokers.push(broker);
    const redis = new Redis({ port: broker.port, host: '127.0.0.1', lazyConnect: true });
    redis.on('error', () => undefined);
    await redis.connect();
    const member = await join(new RedisBackplane({ url: `redis://127.0.0.1:${broker.port}` }));
    return { broker, redis, member };
  }

  it('ignore what somebody else wrote', async () => {
    const { redis, member } = await start();
    const { epoch } = await member.append(CHANNEL, ['one'], BOUNDS);
    await redis.xadd(STREAM, '1-99999999999999', 'message', 'a forgery of the first');
    await redis.xadd(STREAM, '2-5', 'other', 'field');
    await redis.xadd(STREAM, '*', 'message', 'two', 'and', 'more');
    await redis.xadd(STREAM, '*', 'message', 'from far away');
    expect(await member.append(CHANNEL, ['two', 'three'], BOUNDS)).toEqual({ epoch, offset: 2 });
    await redis.xadd(STREAM, '*', 'somebody', 'again');
    const page = { epoch, newest: 3, oldest: 1 };
    const entries = [
      [1, 'one'],
      [2, 'two'],
      [3, 'three'],
    ];
    expect(await member.read(CHANNEL, 0, 100, BOUNDS)).toEqual({ ...page, entries });
    expect(await member.read(CHANNEL, -1, 100, BOUNDS)).toEqual({ ...page, entries: entries.slice(2) });
    await redis.publish(`4d:${CHANNEL}`, Buffer.from([0xc1, 1, 0x20, 0x0a]));
    redis.disconnect();
  });

  it('say so when somebody took messages away', async () => {
    const { redis, member } = await start();
    const { epoch } = await member.append(CHANNEL, ['1', '2', '3', '4', '5', '6'], BOUNDS);
    const ids = (await redis.xrange(STREAM, '-', '+')).map(([id]) => id);
    await redis.xdel(STREAM, ids[2]!);
    expect(await member.read(CHANNEL, 0, 100, BOUNDS)).toEqual({
      epoch,
      newest: 6,
      oldest: 4,
      entries: [
        [4, '4'],
        [5, '5'],
        [6, '6'],
      ],
    });
    await redis.xdel(STREAM, ids[5]!);
    expect(await member.read(CHANNEL, 0, 100, BOUNDS)).toEqual({ epoch, newest: 6, oldest: 7, entries: [] });
    await redis.del(STREAM);
    expect(await member.read(CHANNEL, 3, 100, BOUNDS)).toEqual({ epoch, newest: 6, oldest: 7, entries: [] });
    expect(await member.append(CHANNEL, ['7'], BOUNDS)).toEqual({ epoch, offset: 7 });
    expect(await member.read(CHANNEL, 3, 100, BOUNDS)).toMatchObject({ oldest: 7, entries: [[7, '7']] });
    await redis.del(POSITION);
    const anew = await member.append(CHANNEL, ['anew'], BOUNDS);
    expect(anew.offset).toBe(1);
    expect(anew.epoch).not.toBe(epoch);
    expect((await member.read(CHANNEL, 0, 100, BOUNDS)).entries).toEqual([[1, 'anew']]);
    await redis.flushall();
    expect(await member.read(CHANNEL, 0, 100, BOUNDS)).toMatchObject({ newest: 0, oldest: 1, entries: [] });
    redis.disconnect();
  });

  it('learn their scripts again', async () => {
    const { redis, member } = await start();
    await member.append(CHANNEL, ['one'], BOUNDS);
    await redis.script('FLUSH');
    expect((await member.append(CHANNEL, ['two'], BOUNDS)).offset).toBe(2);
    expect((await member.read(CHANNEL, 0, 100, BOUNDS)).entries).toHaveLength(2);
    redis.disconnect();
  });

  it('go when nobody uses them, and keep the positions for a day', async () => {
    const { redis, member } = await start();
    const bounds = { messages: 100, age: 500 };
    for (let topic = 0; topic < 10_000; topic += 100) {
      const names = Array.from({ length: 100 }, (_, index) => `/chat#topic:${topic + index}`);
      await Promise.all(names.map((name) => member.append(name, ['x'], bounds)));
    }
    // Redis itself leaves up to a tenth of what has expired for later.
    await until(async () => (await redis.dbsize()) < 12_000);
    const day = 24 * 60 * 60 * 1000;
    expect(await redis.pttl('4d:history:{4d:/chat#topic:77}:position')).toBeGreaterThan(day);
    // Being read is being used.
    await redis.pexpire('4d:history:{4d:/chat#topic:78}:position', 1000);
    await member.read('/chat#topic:78', 0, 0, bounds);
    expect(await redis.pttl('4d:history:{4d:/chat#topic:78}:position')).toBeGreaterThan(day);
    redis.disconnect();
  }, 30_000);

  it('drop what is too old while others come, and need not be told of each', async () => {
    const { redis, member } = await start();
    const bounds = { messages: 1_000_000, age: 400 };
    const started = performance.now();
    let count = 0;
    while (performance.now() - started < 1_500) await member.append(CHANNEL, [String(++count)], bounds);
    const { oldest } = await member.read(CHANNEL, 0, 0, bounds);
    expect(oldest).toBeGreaterThan(1);
    // A tenth of the age is how much longer they may stay.
    const length = await redis.xlen(STREAM);
    expect(length).toBeLessThan(count / 2);
    expect(length).toBeGreaterThanOrEqual(count - oldest + 1);
    redis.disconnect();
  });

  it.each([
    ['are out of memory', 'OOM', ['--maxmemory', '1']],
    [
      'are those of a replica',
      'READONLY',
      ['--replicaof', '127.0.0.1 1', '--replica-serve-stale-data', 'yes'],
    ],
  ])('refuse when they %s', async (_what, word, args) => {
    const { redis, member } = await start(...args);
    const refused = member.append(CHANNEL, ['x'], BOUNDS);
    await expect(refused).rejects.toThrow(BackplaneError);
    await expect(refused).rejects.toThrow(
      new RegExp(`RedisBackplane: Redis at .* refuses to append to the channel ${CHANNEL}: .*${word}`),
    );
    expect(await redis.dbsize()).toBe(0);
    redis.disconnect();
  });

  it('refuse a message that is longer than Redis takes', async () => {
    const { redis, member } = await start('--proto-max-bulk-len', '1mb');
    await member.append(CHANNEL, ['before'], BOUNDS);
    const refused = member.append(CHANNEL, ['x'.repeat(1024 * 1024 + 1)], BOUNDS);
    await expect(refused).rejects.toThrow(BackplaneError);
    // Redis hangs up as well: its answer may come too late to be read.
    await expect(refused).rejects.toThrow(/invalid bulk length.*proto-max-bulk-len|can not be known/);
    await until(
      async () =>
        member.here && (await member.append(CHANNEL, ['after'], BOUNDS).catch(() => false)) !== false,
    );
    expect((await member.read(CHANNEL, 0, 100, BOUNDS)).entries).toEqual([
      [1, 'before'],
      [2, 'after'],
    ]);
    redis.disconnect();
  });

  it('need the rights that the documentation lists, and say so', async () => {
    const { broker, redis } = await start();
    const rights = ['+subscribe', '+unsubscribe', '+publish', '+ping', '+info', '+client', '+hello'];
    await redis.acl('SETUSER', 'app', 'on', '>secret', 'resetchannels', '&4d:*', ...rights);
    const member = await join(new RedisBackplane({ url: `redis://app:secret@127.0.0.1:${broker.port}` }));
    await expect(member.append(CHANNEL, ['x'], BOUNDS)).rejects.toThrow(/NOPERM.*docs\/history-stores\.md/);
    const scripts = [
      '+eval',
      '+evalsha',
      '+time',
      '+hmget',
      '+hget',
      '+hset',
      '+exists',
      '+del',
      '+pttl',
      '+pexpire',
    ];
    await redis.acl('SETUSER', 'app', '~4d:*', ...scripts);
    await expect(member.append(CHANNEL, ['x'], BOUNDS)).rejects.toThrow(/docs\/history-stores\.md/);
    await redis.acl('SETUSER', 'app', '+xadd', '+xdel', '+xrange', '+xtrim', '+xsetid');
    expect((await member.append(CHANNEL, ['x'], BOUNDS)).offset).toBe(1);
    await redis.xadd(STREAM, '*', 'somebody', 'else');
    expect((await member.append(CHANNEL, ['y'], BOUNDS)).offset).toBe(2);
    expect((await member.read(CHANNEL, 0, 100, BOUNDS)).entries).toHaveLength(2);
    await member.forget(CHANNEL);
    redis.disconnect();
  });

  it('say that it can not be known when an answer is lost', async () => {
    const { broker, redis, member } = await start();
    process.kill(broker.pid, 'SIGSTOP');
    const asked = member.append(CHANNEL, ['x'], BOUNDS);
    asked.catch(() => undefined);
    await broker.kill();
    await expect(asked).rejects.toThrow(/BackplaneError|can not be known/);
    await expect(asked).rejects.toThrow(/it can not be known whether Redis at .* did append to the channel/);
    redis.disconnect();
  });

  it('move with their slot from one node of a cluster to another', async () => {
    const nodes = await startRedisCluster();
    brokers.push(...nodes);
    const addresses = nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
    const member = await join(new RedisBackplane({ client: new Cluster(addresses, { lazyConnect: true }) }));
    await member.subscribe(CHANNEL);
    const expected: [number, string][] = [];
    let going = true;
    const appending = (async () => {
      for (let number = 1; going; number++) {
        const { offset } = await member.append(CHANNEL, [String(number)], BOUNDS);
        expected.push([offset, String(number)]);
      }
    })();
    await until(async () => expected.length > 50);
    const moving = await MovingSlot.begin(nodes, STREAM);
    await moving.move(STREAM, POSITION);
    await until(async () => expected.length > 100);
    await moving.end();
    const moved = expected.length;
    await until(async () => expected.length > moved + 50);
    going = false;
    await appending;
    expect(expected.map(([offset]) => offset)).toEqual(expected.map((_, index) => index + 1));
    expect((await member.read(CHANNEL, 0, 1000, BOUNDS)).entries).toEqual(expected.slice(-1000));
  }, 60_000);
});

describeWith('nats-server', NATS, 'The streams of NATS', () => {
  async function start(...args: string[]): Promise<{ broker: Broker; member: LocalMember }> {
    const broker = await Broker.natsWithJetStream(...args);
    brokers.push(broker);
    return { broker, member: await join(new NatsBackplane({ servers: `127.0.0.1:${broker.port}` })) };
  }

  it('are not there without JetStream, and the backplane says why', async () => {
    const broker = await Broker.nats();
    brokers.push(broker);
    const backplane = new NatsBackplane({ servers: `127.0.0.1:${broker.port}` });
    await join(backplane);
    expect(backplane.history).toBeUndefined();
    expect(backplane.historyUnavailable).toMatch(
      /^JetStream of NATS at 127\.0\.0\.1:\d+ can not be used: .+/,
    );
  });

  it('give each position once where three servers keep them together, too', async () => {
    const servers = await startNatsCluster();
    brokers.push(...servers);
    const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
    const members = await Promise.all(
      addresses.map((address) => join(new NatsBackplane({ servers: address, historyReplicas: 3 }))),
    );
    // Made before anybody hurries.
    await members[0]!.append(CHANNEL, ['first'], BOUNDS);
    const offsets = [1];
    await Promise.all(
      members.map(async (member) => {
        for (let count = 0; count < 60; count++) {
          offsets.push((await member.append(CHANNEL, [String(count)], BOUNDS)).offset);
        }
      }),
    );
    const expected = Array.from({ length: 181 }, (_, index) => index + 1);
    expect(offsets.toSorted((one, other) => one - other)).toEqual(expected);
    const { entries } = await members[1]!.read(CHANNEL, 0, 1000, BOUNDS);
    expect(entries.map(([offset]) => offset)).toEqual(expected);
  }, 60_000);

  it('keep the position of a quiet channel, whose messages are gone', async () => {
    const { broker, member } = await start();
    const bounds = { messages: 100, age: 1_000 };
    const { epoch } = await member.append(CHANNEL, ['one', 'two'], bounds);
    const admin = await connectToNats({ servers: `127.0.0.1:${broker.port}` });
    const { streams } = await jetstreamManager(admin);
    const [, positions] = (await streams.list().next()).sort(
      (one, other) => one.config.name.length - other.config.name.length,
    );
    await until(async () => (await streams.info(positions!.config.name)).state.messages === 1);
    // As it is when all of them are too old.
    await streams.purge(positions!.config.name.replace(/_positions$/, ''));
    await admin.close();
    // One that knows nothing of the channel asks the server.
    const other = await join(new NatsBackplane({ servers: `127.0.0.1:${broker.port}` }));
    expect(await other.read(CHANNEL, 0, 100, bounds)).toEqual({ epoch, newest: 2, oldest: 3, entries: [] });
    expect(await other.append(CHANNEL, ['three'], bounds)).toEqual({ epoch, offset: 3 });
    expect(await member.append(CHANNEL, ['four'], bounds)).toEqual({ epoch, offset: 4 });
  });

  it('ignore what somebody else wrote', async () => {
    const { broker, member } = await start();
    const { epoch } = await member.append(CHANNEL, ['one'], BOUNDS);
    const stranger = await connectToNats({ servers: `127.0.0.1:${broker.port}` });
    const write = async (): Promise<void> => {
      await stranger.request('4d.history./chat./chat#topic:room', 'somebody', { timeout: 5000 });
    };
    await write();
    expect(await member.append(CHANNEL, ['two'], BOUNDS)).toEqual({ epoch, offset: 2 });
    await write();
    expect(await member.read(CHANNEL, 0, 100, BOUNDS)).toEqual({
      epoch,
      newest: 2,
      oldest: 1,
      entries: [
        [1, 'one'],
        [2, 'two'],
      ],
    });
    await member.forget(CHANNEL, epoch);
    expect(await member.read(CHANNEL, 0, 100, BOUNDS)).toMatchObject({ newest: 0, entries: [] });
    await stranger.close();
  });

  it('begin anew when they were deleted', async () => {
    const { broker, member } = await start();
    const { epoch } = await member.append(CHANNEL, ['one', 'two'], BOUNDS);
    const admin = await connectToNats({ servers: `127.0.0.1:${broker.port}` });
    const manager = await jetstreamManager(admin);
    for await (const { config } of manager.streams.list()) {
      if (config.mirror === undefined) await manager.streams.delete(config.name);
    }
    // The first that notices is told; the next one finds it made again.
    await expect(member.append(CHANNEL, ['lost'], BOUNDS)).rejects.toThrow(BackplaneError);
    const anew = await member.append(CHANNEL, ['anew'], BOUNDS);
    expect(anew.offset).toBe(1);
    expect(anew.epoch).not.toBe(epoch);
    await admin.close();
  });

  it('take what a server of other bounds asks for', async () => {
    const { member } = await start();
    const few = { messages: 2, age: 60_000 };
    await member.append(CHANNEL, ['1'], few);
    for (const message of ['2', '3', '4'])
      await member.append(CHANNEL, [message], { messages: 3, age: 120_000 });
    expect((await member.read(CHANNEL, 0, 100, few)).entries.map(([offset]) => offset)).toEqual([3, 4]);
    expect((await member.read(CHANNEL, 0, 100, BOUNDS)).entries.map(([offset]) => offset)).toEqual([2, 3, 4]);
  });

  it('refuse a message that is longer than NATS takes, and take many short ones', async () => {
    const { member } = await start();
    const tooLong = member.append(CHANNEL, ['x'.repeat(1024 * 1024)], BOUNDS);
    await expect(tooLong).rejects.toThrow(BackplaneError);
    await expect(tooLong).rejects.toThrow(
      /1048576 bytes are more than the max_payload of NATS allows, 1048576/,
    );
    const many = Array.from({ length: 30 }, (_, index) => String(index).repeat(50_000));
    expect((await member.append(CHANNEL, many, BOUNDS)).offset).toBe(1);
    expect((await member.append(CHANNEL, ['last'], BOUNDS)).offset).toBe(31);
    expect((await member.read(CHANNEL, 29, 100, BOUNDS)).entries).toEqual([
      [30, many[29]],
      [31, 'last'],
    ]);
  });

  it('reject what is on its way when the server is gone', async () => {
    const { broker, member } = await start();
    await member.append(CHANNEL, ['one'], BOUNDS);
    process.kill(broker.pid, 'SIGSTOP');
    const asked = ['x', 'y', 'z'].map((message) => member.append(CHANNEL, [message], BOUNDS));
    for (const one of asked) one.catch(() => undefined);
    await broker.kill();
    for (const one of asked) await expect(one).rejects.toThrow(BackplaneError);
    await broker.start();
    await until(async () => member.here);
    // What was rejected is not done late.
    await member.append(CHANNEL, ['two'], BOUNDS);
    expect((await member.read(CHANNEL, 0, 100, BOUNDS)).entries.map(([, message]) => message)).toEqual([
      'one',
      'two',
    ]);
  }, 30_000);
});

describe('The memory of the primary', () => {
  let fixture: FixtureProcess;
  let a: WorkerMember;
  let b: WorkerMember;
  beforeEach(async () => {
    fixture = await FixtureProcess.start('test/e2e/fixture/history-workers.ts');
    [a, b] = [new WorkerMember(fixture, 0), new WorkerMember(fixture, 1)];
  });
  afterEach(() => fixture.stop());

  it('tells a worker that fell behind, once it reads again', async () => {
    await b.subscribe(CHANNEL);
    const [, pid] = fixture.ready.workers as [number, number];
    process.kill(pid, 'SIGSTOP');
    await a.call('flood', CHANNEL, 24, { messages: 1, age: 60_000 });
    process.kill(pid, 'SIGCONT');
    await until(async () => (await b.call('behind')) === 1);
    expect(await b.call('offsets')).toBeLessThan(24);
    expect(await a.call('behind')).toBe(0);
    await a.append(CHANNEL, ['and on'], BOUNDS);
    await until(async () => (await b.heard()).some(({ first }) => first === 25));
  }, 30_000);

  it('rejects what a primary does not answer', async () => {
    await expect(a.call('askWhileStopped', CHANNEL, BOUNDS)).rejects.toThrow(
      /BackplaneError: ClusterBackplane: the primary process did not answer within 5000 ms; it can not be known/,
    );
    expect((await a.append(CHANNEL, ['later'], BOUNDS)).offset).toBe(2);
  }, 30_000);

  it('rejects what is asked of a primary that is gone', async () => {
    a.call('askWhileApart', CHANNEL, BOUNDS).catch(() => undefined);
    await until(async () => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      return fixture.output.includes('BackplaneError: ClusterBackplane: the primary process is gone');
    });
  });
});
