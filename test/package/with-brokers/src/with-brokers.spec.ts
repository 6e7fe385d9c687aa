import { BackplaneError, BackplaneObserver } from 'nestjs-4d-websocket';
import { NatsBackplane } from 'nestjs-4d-websocket/nats';
import { RedisBackplane } from 'nestjs-4d-websocket/redis';

const observer = {} as BackplaneObserver;
/** Nobody listens here. */
const nowhere = '127.0.0.1:1';

describe('a backplane with the client of its broker', () => {
  it('should load it', async () => {
    const redis: unknown = await new RedisBackplane({ url: `redis://${nowhere}` })
      .connect(observer)
      .catch((error: unknown) => error);
    expect(redis).toBeInstanceOf(BackplaneError);
    expect(String(redis)).toContain('no connection to');
    const nats: unknown = await new NatsBackplane({ servers: nowhere })
      .connect(observer)
      .catch((error: unknown) => error);
    expect(nats).toBeInstanceOf(BackplaneError);
    expect(String(nats)).toContain('no connection to');
  });
});
