/** reference 14.3: what happens while the broker is away, at start-up and later. */
import { connect as connectNats } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import type { Backplane } from 'nestjs-4d-websocket';
import { NatsBackplane } from 'nestjs-4d-websocket/nats';
import { RedisBackplane } from 'nestjs-4d-websocket/redis';
import { NATS_KIND, REDIS_KIND, type Running } from '../support/backplane-kinds.js';
import { Broker } from '../support/brokers.js';
import { freePort } from '../support/free-port.js';
import {
  connectTo,
  startInstance,
  stopInstances,
  text,
  until,
  type IdentifiedClient,
  type Instance,
} from '../support/instances.js';
import { Recorder } from '../support/recorder.js';
import { describeWith } from '../support/requirement.js';

interface ReportedError {
  componentSignature: string;
  errCode: number;
  message: string;
}

const OUTAGE = 5_000;
const LOAD_PADDING = 1_000;

/** Notes the numbers of the messages of each instance that a client receives. */
class LoadListener {
  readonly numbers = new Map<string, number[]>();
  #wake: () => void = () => undefined;

  constructor({ client }: IdentifiedClient) {
    client.socket.on('message', (data: Buffer) => {
      const [label, number] = data.toString('utf8', 0, 40).split(' ') as [string, string];
      const numbers = this.numbers.get(label);
      if (numbers === undefined) this.numbers.set(label, [Number(number)]);
      else numbers.push(Number(number));
      this.#wake();
    });
  }

  of(label: string): number[] {
    return this.numbers.get(label) ?? [];
  }

  /** Waits for another message of an instance. */
  async another(label: string): Promise<void> {
    const before = this.of(label).length;
    while (this.of(label).length === before) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  /** Listens to an instance for some time; returns how often it was silent for longer than a second. */
  async during(label: string, milliseconds: number): Promise<number> {
    const end = performance.now() + milliseconds;
    let silences = 0;
    for (let last = performance.now(); last < end;) {
      await this.another(label);
      const now = performance.now();
      if (now - last > 1000) silences++;
      last = now;
    }
    return silences;
  }
}

function isContinuous(numbers: readonly number[]): boolean {
  return numbers.every((number, index) => index === 0 || number === numbers[index - 1]! + 1);
}

function isIncreasing(numbers: readonly number[]): boolean {
  return numbers.every((number, index) => index === 0 || number > numbers[index - 1]!);
}

for (const kind of [REDIS_KIND, NATS_KIND]) {
  describeWith(kind.program!, kind.path!, `an outage of ${kind.name}`, () => {
    let running: Running;
    beforeEach(async () => {
      running = await kind.start(2);
    }, 60_000);
    afterEach(async () => {
      await stopInstances();
      await running.stop();
    });

    it('of 5 seconds under load: local delivery goes on, it is told once, and delivery resumes', async () => {
      const [a, b] = running.instances as [Instance, Instance];
      const onA = new LoadListener(await connectTo(a));
      const onB = new LoadListener(await connectTo(b));
      await a.call('startLoad', '/chat', 'a', LOAD_PADDING);
      await b.call('startLoad', '/chat', 'b', LOAD_PADDING);
      await Promise.all([onA.another('b'), onB.another('a')]);
      const before = await a.call<number>('memory');
      const lost = onB.of('a').length;

      await running.broker!.kill();
      await until(async () => (await a.call<ReportedError[]>('errors', '/chat')).length > 0);
      await until(async () => (await b.call<ReportedError[]>('errors', '/chat')).length > 0);
      const remote = onB.of('a').length;
      const saidBefore = await a.call<number>('said');
      const silences = await Promise.all([onA.during('a', OUTAGE), onB.during('b', OUTAGE)]);
      expect(silences).toEqual([0, 0]);
      expect(onB.of('a').length).toBe(remote);
      expect(remote).toBeGreaterThanOrEqual(lost);
      // Memory is looked at when much more was said than may wait: 16 MiB for the broker, 16 MiB for a slow client.
      await until(async () => (await a.call<number>('said')) - saidBefore > 80_000);
      const during = await a.call<number>('memory');
      expect(during - before).toBeLessThan(34 * 1024 * 1024);
      expect(await a.call('countConnections', '/chat')).toEqual({ connections: 1, instances: 1 });

      await running.broker!.start();
      await Promise.all([onA.another('b'), onB.another('a')]);
      expect(await a.call('countConnections', '/chat', 5_000)).toEqual({ connections: 2, instances: 2 });
      const said = [await a.call<number>('stopLoad'), await b.call<number>('stopLoad')];
      await until(async () => onA.of('a').at(-1) === said[0]! - 1 && onB.of('b').at(-1) === said[1]! - 1);

      for (const instance of [a, b]) {
        const errors = await instance.call<ReportedError[]>('errors', '/chat');
        expect(errors).toEqual([
          {
            componentSignature: 'bkpl',
            errCode: 1011,
            message: expect.stringMatching(/^The backplane is away: .*: \w+Backplane: no connection to /),
          },
        ]);
        expect(await instance.call('problems')).toEqual([]);
      }
      // Nothing local is lost; from elsewhere each message comes at most once, in order.
      expect(isContinuous(onA.of('a'))).toBe(true);
      expect(isContinuous(onB.of('b'))).toBe(true);
      expect(isIncreasing(onA.of('b'))).toBe(true);
      expect(isIncreasing(onB.of('a'))).toBe(true);
    }, 60_000);

    it('topics that were joined and left meanwhile are right afterwards', async () => {
      const [a, b] = running.instances as [Instance, Instance];
      const { client } = await connectTo(b);
      for (const topic of ['kept', 'left']) {
        client.send(`join ${topic}`);
        await client.next();
        await running.interested('/chat', topic, 1);
      }
      await running.broker!.kill();
      await until(async () => (await b.call<ReportedError[]>('errors', '/chat')).length > 0);
      client.send('leave left');
      await client.next();
      client.send('join new');
      await client.next();
      await running.broker!.start();
      await until(async () => {
        const { instances } = await a.call<{ instances: number }>('countConnections', '/chat', 200);
        return instances === 2;
      });
      for (const [topic, count] of [
        ['kept', 1],
        ['new', 1],
        ['left', 0],
      ] as const) {
        await running.interested('/chat', topic, count);
      }
      for (const topic of ['left', 'kept', 'new']) await a.call('publish', '/chat', topic, text(topic));
      expect(await client.take(2)).toEqual(expect.arrayContaining(['kept', 'new']));
      await client.close();
    }, 30_000);

    it('many topics are subscribed to again before it is over', async () => {
      const port = running.broker!.port;
      const [a, b] = [createBackplane(kind.name, port), createBackplane(kind.name, port)];
      const topics = Array.from({ length: 5000 }, (_, index) => `/chat#topic:user-${index}`);
      const events = new Recorder();
      await a.connect({
        receive: () => undefined,
        remembered: () => undefined,
        behind: () => undefined,
        away: () => events.push('a away'),
        back: () => events.push('a back'),
      });
      await b.connect({
        receive: (channel) => events.push('received', channel),
        remembered: () => undefined,
        behind: () => undefined,
        away: () => events.push('b away'),
        back: () => events.push('b back'),
      });
      await b.subscribe(topics);
      await running.broker!.kill();
      await Promise.all([events.next('a away'), events.next('b away')]);
      await running.broker!.start();
      await Promise.all([events.next('a back'), events.next('b back')]);
      await Promise.all(topics.map((topic) => a.publish(topic, Buffer.from('x'))));
      const received = new Set<unknown>();
      for (const _topic of topics) received.add((await events.next('received'))[0]);
      expect(received.size).toBe(topics.length);
      await Promise.all([a.close(), b.close()]);
    }, 30_000);

    it('two outages are told twice', async () => {
      const [a] = running.instances as [Instance, Instance];
      for (const outages of [1, 2]) {
        await running.broker!.kill();
        await until(async () => (await a.call<ReportedError[]>('errors', '/chat')).length === outages);
        await running.broker!.start();
        await until(async () => {
          const { instances } = await a.call<{ instances: number }>('countConnections', '/chat', 200);
          return instances === 2;
        });
      }
      expect(await a.call<ReportedError[]>('errors', '/chat')).toHaveLength(2);
    }, 30_000);

    it('an application closes while the broker is away', async () => {
      const [a] = running.instances as [Instance, Instance];
      const { client } = await connectTo(a);
      await running.broker!.kill();
      await until(async () => (await a.call<ReportedError[]>('errors', '/chat')).length > 0);
      await a.call('close');
      expect((await client.closed).code).toBe(1001);
    });
  });

  describeWith(kind.program!, kind.path!, `the channels of ${kind.name}`, () => {
    let running: Running;
    beforeEach(async () => {
      running = await kind.start(3);
    }, 60_000);
    afterEach(async () => {
      await stopInstances();
      await running.stop();
    });

    it('topics without interest cause no traffic', async () => {
      const [a, b, c] = running.instances as [Instance, Instance, Instance];
      const { client } = await connectTo(c);
      await connectTo(b);
      client.send('join wanted');
      await client.next();
      await running.interested('/chat', 'wanted', 1);
      const message = { type: 'text', value: 'x', length: 1000 };
      const traffic = async (topic: string) => {
        const before = await running.bytesSent();
        for (let index = 0; index < 200; index++) await a.call('publish', '/chat', topic, message);
        // A count makes a round trip through the broker after all of them.
        await a.call('countConnections', '/chat');
        return (await running.bytesSent()) - before;
      };
      const unwanted = await traffic('unwanted');
      const wanted = await traffic('wanted');
      // One instance of three wants it, and gets it once.
      expect(wanted - unwanted).toBeGreaterThan(200_000);
      expect(wanted - unwanted).toBeLessThan(240_000);
      // The broker's own answers, to us and to the publisher.
      expect(unwanted).toBeLessThan(20_000);
      client.send('leave wanted');
      await client.take(201);
      await running.interested('/chat', 'wanted', 0);
      expect(await traffic('wanted')).toBeLessThan(20_000);
    }, 30_000);

    it('what others publish there is ignored, and told once', async () => {
      const [a, b] = running.instances as [Instance, Instance];
      const { client } = await connectTo(a);
      const garbage = [
        Buffer.from('hello'),
        Buffer.alloc(0),
        Buffer.from([0xc1, 0xff]),
        Buffer.from('{"json":true}'),
        Buffer.from('9302', 'hex'),
        // An array that says it is long, and our version with nonsense inside.
        Buffer.from('ddffffffff', 'hex'),
        Buffer.from('930207a3414243', 'hex'),
        Buffer.from('9302079194000101', 'hex'),
        Buffer.alloc(100_000, 0x93),
      ];
      // A later version: [3, 7, []].
      const later = Buffer.from('93030790', 'hex');
      await publishRaw(kind.name, running.broker!.port, '/chat#all', [...garbage, ...garbage, later, later]);
      await b.call('broadcast', '/chat', text('goes on'));
      expect(await client.next()).toBe('goes on');
      await until(async () => (await a.call<ReportedError[]>('errors', '/chat')).length === 2);
      const errors = await a.call<ReportedError[]>('errors', '/chat');
      expect(errors.map(({ componentSignature }) => componentSignature)).toEqual(['bkpl', 'bkpl']);
      expect(errors[0]!.message).toBe(
        'A message on the channel /chat#all is ignored: it is no envelope of nestjs-4d-websocket; somebody else publishes there',
      );
      expect(errors[1]!.message).toMatch(/its version is 3, this instance reads version 2/);
      expect(await a.call('problems')).toEqual([]);
      await client.close();
    });
  });
}

function createBackplane(kind: string, port: number): Backplane {
  return kind === 'Redis'
    ? new RedisBackplane({ url: `redis://127.0.0.1:${port}` })
    : new NatsBackplane({ servers: `127.0.0.1:${port}` });
}

/** Publishes bytes as somebody else would. */
async function publishRaw(
  kind: string,
  port: number,
  channel: string,
  messages: readonly Buffer[],
): Promise<void> {
  if (kind === 'Redis') {
    const redis = new Redis({ port, host: '127.0.0.1' });
    for (const message of messages) await redis.publish(`4d:${channel}`, message);
    redis.disconnect();
  } else {
    const nats = await connectNats({ servers: `127.0.0.1:${port}` });
    for (const message of messages) nats.publish(`4d.${channel}`, message);
    await nats.drain();
  }
}

const REDIS_START = {
  start: (...args: string[]) => Broker.redis(...args),
  kind: 'redis',
  program: REDIS_KIND,
  password: ['--requirepass', 'secret'],
  settings: (port: number, password: string) => ({ url: `redis://:${password}@127.0.0.1:${port}` }),
  wrongPassword: /BackplaneError: RedisBackplane: no connection to Redis at 127\.0\.0\.1:\d+: WRONGPASS/,
  closedPort:
    /BackplaneError: RedisBackplane: no connection to Redis at 127\.0\.0\.1:\d+: connect ECONNREFUSED/,
  host: { url: 'redis://no-such-host.invalid:6379' },
  wrongHost:
    /BackplaneError: RedisBackplane: no connection to Redis at no-such-host\.invalid:6379: getaddrinfo/,
};
const NATS_START = {
  start: (...args: string[]) => Broker.nats(...args),
  kind: 'nats',
  program: NATS_KIND,
  password: ['--user', 'app', '--pass', 'secret'],
  settings: (port: number, password: string) => ({
    servers: `127.0.0.1:${port}`,
    user: 'app',
    pass: password,
  }),
  wrongPassword: /BackplaneError: NatsBackplane: no connection to NATS at 127\.0\.0\.1:\d+: .*Authorization/i,
  closedPort: /BackplaneError: NatsBackplane: no connection to NATS at 127\.0\.0\.1:\d+: .*refused/i,
  host: { servers: 'no-such-host.invalid:4222' },
  wrongHost: /BackplaneError: NatsBackplane: no connection to NATS at no-such-host\.invalid:4222: /,
};

for (const { start, kind, program, password, settings, wrongPassword, closedPort, host, wrongHost } of [
  REDIS_START,
  NATS_START,
]) {
  describeWith(program.program!, program.path!, `a start with ${program.name}`, () => {
    let broker: Broker | undefined;
    afterEach(async () => {
      await stopInstances();
      await broker?.stop();
      broker = undefined;
    });

    it('and a wrong password is refused, without telling it', async () => {
      broker = await start(...password);
      const failure = startInstance(kind, settings(broker.port, 'wr0ng'));
      await expect(failure).rejects.toThrow(wrongPassword);
      await expect(failure).rejects.not.toThrow(/wr0ng/);
    });

    it('and nobody there is refused', async () => {
      await expect(startInstance(kind, settings(await freePort(), 'x'))).rejects.toThrow(closedPort);
      await expect(startInstance(kind, host)).rejects.toThrow(wrongHost);
    });

    it('and the right password works', async () => {
      broker = await start(...password);
      const [a, b] = await Promise.all([
        startInstance(kind, settings(broker.port, 'secret')),
        startInstance(kind, settings(broker.port, 'secret')),
      ]);
      const { client } = await connectTo(b);
      await a.call('broadcast', '/chat', text('hello'));
      expect(await client.next()).toBe('hello');
      await client.close();
    });

    it('and nobody there yet goes on, if it may', async () => {
      broker = await start(...password);
      await broker.kill();
      const options = { ...settings(broker.port, 'secret'), startWithoutBroker: true };
      const [a, b] = await Promise.all([startInstance(kind, options), startInstance(kind, options)]);
      const onA = await connectTo(a);
      const onB = await connectTo(b);
      await a.call('broadcast', '/chat', text('here'));
      expect(await onA.client.next()).toBe('here');
      const told = await a.call<ReportedError[]>('errors', '/chat');
      expect(told).toHaveLength(1);
      expect(told[0]).toMatchObject({ componentSignature: 'bkpl' });
      await broker.start();
      await until(async () => {
        const { instances } = await a.call<{ instances: number }>('countConnections', '/chat', 200);
        return instances === 2;
      });
      await a.call('broadcast', '/chat', text('everywhere'));
      expect(await onB.client.next()).toBe('everywhere');
      expect(await a.call('errors', '/chat')).toHaveLength(1);
    }, 30_000);
  });
}
