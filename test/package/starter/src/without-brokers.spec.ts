import { BackplaneError, BackplaneObserver } from 'nestjs-4d-websocket';
import { NatsBackplane } from 'nestjs-4d-websocket/nats';
import { RedisBackplane } from 'nestjs-4d-websocket/redis';

const observer = {} as BackplaneObserver;

describe('a backplane without the client of its broker', () => {
  it('should name what to install', async () => {
    const redis: unknown = await new RedisBackplane().connect(observer).catch((error: unknown) => error);
    expect(redis).toBeInstanceOf(BackplaneError);
    expect(String(redis)).toContain('install it: npm install ioredis');
    const nats: unknown = await new NatsBackplane().connect(observer).catch((error: unknown) => error);
    expect(nats).toBeInstanceOf(BackplaneError);
    expect(String(nats)).toContain('install it: npm install @nats-io/transport-node');
  });
});
