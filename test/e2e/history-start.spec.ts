/** reference 16.1: a backplane that does not remember ends the start; one whose broker is not there yet does not. */
import { Redis } from 'ioredis';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidOptionError, WebSocketServerRegistry, WSSHandler, type Backplane } from 'nestjs-4d-websocket';
import { NatsBackplane } from 'nestjs-4d-websocket/nats';
import { RedisBackplane } from 'nestjs-4d-websocket/redis';
import { closeApps, startApp } from '../support/app.js';
import { Broker, NATS, REDIS } from '../support/brokers.js';
import { freePort } from '../support/free-port.js';
import { Recorder } from '../support/recorder.js';
import { describeWith } from '../support/requirement.js';

let broker: Broker | undefined;
afterEach(async () => {
  await closeApps();
  await broker?.stop();
  broker = undefined;
});

const events = new Recorder();

@WSSHandler({ path: '/chat', history: { topics: 'room:*' } })
class Server {
  onConnection() {
    return { onMessage: () => undefined };
  }

  onError(_wss: unknown, { errors: [error] }: { errors: { message: string }[] }) {
    events.push('error', error!.message);
  }
}

async function start(backplane: Backplane) {
  const { app } = await startApp({ options: { backplane }, providers: [Server] });
  return app.get(WebSocketServerRegistry).get('/chat')!;
}

describeWith('nats-server', NATS, 'NATS', () => {
  it('16.1 without JetStream the start ends, and says what to do', async () => {
    broker = await Broker.nats();
    const starting = start(new NatsBackplane({ servers: `127.0.0.1:${broker.port}` }));
    await expect(starting).rejects.toThrow(InvalidOptionError);
    await expect(starting).rejects.toThrow(
      /"history".*jetstream is not enabled; start nats-server with JetStream/,
    );
  });

  it('16.1 without the right to use JetStream the start ends, and says what to do', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'nats-'));
    const file = join(folder, 'nats.conf');
    await writeFile(
      file,
      `authorization { users = [{ user: app, password: secret, permissions: {
        publish: { allow: ["4d.>"] }, subscribe: { allow: ["4d.>", "_INBOX.>"] } } }] }`,
    );
    broker = await Broker.natsWithJetStream('-c', file);
    const starting = start(
      new NatsBackplane({ servers: `127.0.0.1:${broker.port}`, user: 'app', pass: 'secret' }),
    );
    await expect(starting).rejects.toThrow(InvalidOptionError);
    await expect(starting).rejects.toThrow(
      /"history".*Permissions Violation.*\$JS\.API\.INFO.*docs\/history-stores\.md/,
    );
    await rm(folder, { recursive: true });
  });

  it('16.1, 16.2 a broker that is not there yet: publishing rejects until it is', async () => {
    broker = await Broker.natsWithJetStream();
    await broker.kill();
    const server = await start(
      new NatsBackplane({
        servers: `127.0.0.1:${broker.port}`,
        startWithoutBroker: true,
        reconnectTimeWait: 100,
      }),
    );
    await expect(server.publish('room:1', 'x')).rejects.toThrow(/the backplane is away/);
    // Nobody awaits it: it is told, and is no unhandled rejection.
    void server.publish('room:1', 'x');
    for (;;) if (/what it remembers can not be reached/.test(String((await events.next('error'))[0]))) break;
    await broker.start();
    for (;;) {
      const position = await server.publish('room:1', 'y').catch(() => undefined);
      if (position !== undefined) break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await server.history('room:1')).map(({ data }) => data)).toEqual(['y']);
  }, 30_000);
});

describeWith('redis-server', REDIS, 'Redis', () => {
  it('16.2 what somebody else wrote into a stream is ignored, and told once', async () => {
    broker = await Broker.redis();
    const server = await start(new RedisBackplane({ url: `redis://127.0.0.1:${broker.port}` }));
    await server.publish('room:1', 'one');
    const redis = new Redis({ port: broker.port, host: '127.0.0.1' });
    const stream = '4d:history:{4d:/chat#topic:room:1}:messages';
    await redis.xadd(stream, '1-99999999999999', 'other', 'field');
    await redis.xadd(stream, '2-5', 'message', 'two', 'and', 'more');
    redis.disconnect();
    for (const text of ['two', 'three']) await server.publish('room:1', text);
    for (let reads = 0; reads < 3; reads++) {
      expect((await server.history('room:1')).map(({ data }) => data)).toEqual(['one', 'two', 'three']);
    }
    expect((await events.next('error'))[0]).toMatch(
      /strange in the history of the channel \/chat#topic:room:1 is ignored: .*2 entries of the stream 4d:history:\{.*messages/,
    );
    expect(events.unread('error')).toEqual([]);
  });

  it('16.2 a broker that is not there yet: publishing rejects until it is', async () => {
    const port = await freePort();
    const server = await start(
      new RedisBackplane({ url: `redis://127.0.0.1:${port}`, startWithoutBroker: true }),
    );
    await expect(server.publish('room:1', 'x')).rejects.toMatchObject({ name: 'BackplaneError' });
    await expect(server.history('room:1')).rejects.toMatchObject({ name: 'BackplaneError' });
  });
});
