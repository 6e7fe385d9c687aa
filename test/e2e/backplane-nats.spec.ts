/** What only NATS has: short messages, subjects, permissions. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NatsBackplane } from 'nestjs-4d-websocket/nats';
import { Broker, NATS } from '../support/brokers.js';
import { connectTo, startInstance, stopInstances, text, until, type Instance } from '../support/instances.js';
import { describeWith } from '../support/requirement.js';

/** A configuration with one user, who may have all subjects but one. */
function users(denied = 'nothing'): string {
  const subscribe = `{ allow: ">", deny: "${denied}" }`;
  return `authorization { users: [{ user: a, password: b, permissions: { publish: ">", subscribe: ${subscribe} } }] }`;
}

function startAs({ port }: Broker): Promise<Instance> {
  return startInstance('nats', { servers: `127.0.0.1:${port}`, user: 'a', pass: 'b' });
}

async function messages(instance: Instance): Promise<string[]> {
  const errors = await instance.call<{ message: string }[]>('errors', '/chat');
  return errors.map(({ message }) => message);
}

describeWith('nats-server', NATS, 'NatsBackplane', () => {
  const brokers: Broker[] = [];
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nats-'));
  });
  afterEach(async () => {
    await stopInstances();
    await Promise.all(brokers.splice(0).map((broker) => broker.stop()));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function startNats(configuration: string): Promise<Broker> {
    const file = configurationFile(brokers.length);
    await writeFile(file, configuration);
    const broker = await Broker.nats('-c', file);
    brokers.push(broker);
    return broker;
  }

  function configurationFile(number: number): string {
    return join(folder, `${number}.conf`);
  }

  /** What the server reads when it starts again. */
  async function rewrite(broker: Broker, configuration: string): Promise<void> {
    await writeFile(configurationFile(brokers.indexOf(broker)), configuration);
  }

  /** Has the server read another configuration now. */
  async function reconfigure(broker: Broker, configuration: string): Promise<void> {
    await rewrite(broker, configuration);
    process.kill(broker.pid, 'SIGHUP');
  }

  it('sends messages longer than max_payload in parts, several senders at once', async () => {
    const broker = await startNats('max_payload: 2048');
    const settings = { servers: `127.0.0.1:${broker.port}` };
    const instances = await Promise.all([1, 2, 3].map(() => startInstance('nats', settings)));
    const { client } = await connectTo(instances[2]!);
    await Promise.all(
      [0, 1].flatMap((sender) =>
        Array.from({ length: 20 }, (_, number) =>
          instances[sender]!.call('broadcast', '/chat', {
            type: 'text',
            value: `${sender} ${number} `,
            length: 50_000 + number,
          }),
        ),
      ),
    );
    const next = [0, 0];
    for (const message of await client.take(40)) {
      const [sender, number] = String(message).split(' ', 2).map(Number) as [0 | 1, number];
      expect(number).toBe(next[sender]!++);
      expect(String(message)).toBe(`${sender} ${number} `.repeat(20_000).slice(0, 50_000 + number));
    }
    await client.close();
  });

  it('starts only where it may subscribe', async () => {
    const broker = await startNats(
      'authorization { users: [{ user: a, password: b, permissions: { publish: ">", subscribe: "other.>" } }] }',
    );
    await expect(
      startInstance('nats', { servers: `127.0.0.1:${broker.port}`, user: 'a', pass: 'b' }),
    ).rejects.toThrow(/Permissions Violation for Subscription/i);
  });

  it('asks again for a topic that it may not have yet', async () => {
    const broker = await startNats(users('4d./chat#topic:news'));
    const [a, b] = await Promise.all([startAs(broker), startAs(broker)]);
    const [early, late] = [(await connectTo(b)).client, (await connectTo(b)).client];
    early.send('join news');
    await early.next();
    await until(async () => (await messages(b)).length > 0);
    expect((await messages(b))[0]).toMatch(
      /^The backplane refuses to subscribe to the channel \/chat#topic:news,.*Permissions Violation for Subscription/,
    );
    await reconfigure(broker, users());
    late.send('join news');
    await late.next();
    await until(async () => {
      await a.call('publish', '/chat', 'news', text('heard'));
      return early.unread.length > 0 && late.unread.length > 0;
    });
    expect(await b.call('problems')).toEqual([]);
    for (const client of [early, late]) client.socket.terminate();
  }, 30_000);

  it.each(['while it is connected', 'during an outage'])(
    'asks again for a topic that is taken from it %s',
    async (when) => {
      const broker = await startNats(users());
      const [a, b] = await Promise.all([startAs(broker), startAs(broker)]);
      const { client } = await connectTo(b);
      client.send('join news');
      await client.next();
      // It is published to until it is subscribed to for sure.
      await until(async () => {
        await a.call('publish', '/chat', 'news', text('heard'));
        return client.unread.length > 0;
      });
      const denied = users('4d./chat#topic:news');
      if (when === 'during an outage') {
        await broker.kill();
        await rewrite(broker, denied);
        await broker.start();
      } else {
        await reconfigure(broker, denied);
      }
      await until(async () =>
        (await messages(b)).some((message) => message.includes('Permissions Violation')),
      );
      expect((await messages(b)).at(-1)).toMatch(/away: .*NatsBackplane: NATS at .* refuses to subscribe: /);
      // All that arrived before is out of the way.
      client.send('join other');
      while ((await client.next()) !== 'join other');
      await reconfigure(broker, users());
      await until(async () => {
        await a.call('publish', '/chat', 'news', text('again'));
        return client.unread.length > 0;
      });
      expect(await client.next()).toBe('again');
      expect(await b.call('countConnections', '/chat')).toEqual({ connections: 1, instances: 2 });
      for (const instance of [a, b]) expect(await instance.call('problems')).toEqual([]);
      client.socket.terminate();
    },
    30_000,
  );

  it('keeps applications apart by their prefixes', async () => {
    const broker = await startNats('');
    const servers = `127.0.0.1:${broker.port}`;
    const [a, b] = await Promise.all([
      startInstance('nats', { servers, prefix: 'one' }),
      startInstance('nats', { servers, prefix: 'two' }),
    ]);
    const { client } = await connectTo(b);
    await a.call('broadcast', '/chat', text('for the other application'));
    expect(await a.call('countConnections', '/chat')).toEqual({ connections: 0, instances: 1 });
    await b.call('broadcast', '/chat', text('own'));
    expect(await client.next()).toBe('own');
    await client.close();
  });

  it('notices a NATS that no longer answers, and returns to it', async () => {
    const broker = await startNats('');
    const settings = { servers: `127.0.0.1:${broker.port}`, pingInterval: 200, maxPingOut: 2, timeout: 500 };
    const [a, b] = await Promise.all([startInstance('nats', settings), startInstance('nats', settings)]);
    const { client } = await connectTo(b);
    process.kill(broker.pid, 'SIGSTOP');
    await until(async () => (await a.call<unknown[]>('errors', '/chat')).length === 1);
    process.kill(broker.pid, 'SIGCONT');
    await until(async () => {
      await a.call('broadcast', '/chat', text('back'));
      return client.unread.some(({ data }) => data === 'back');
    });
    expect(await a.call('problems')).toEqual([]);
    await client.close();
  }, 30_000);

  it('is for one application at a time', async () => {
    const broker = await startNats('');
    const observer = {
      receive: () => undefined,
      away: () => undefined,
      back: () => undefined,
      remembered: () => undefined,
      behind: () => undefined,
    };
    const backplane = new NatsBackplane({ servers: `127.0.0.1:${broker.port}` });
    await backplane.connect(observer);
    await expect(backplane.connect(observer)).rejects.toThrow(
      'NatsBackplane: it is connected already; make one for each application',
    );
    await backplane.close();
    await backplane.connect(observer);
    await backplane.close();
  });
});
