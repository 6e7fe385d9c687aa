import { Module } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { FourDWebSocketModule } from 'nestjs-4d-websocket';
import { RedisBackplane } from 'nestjs-4d-websocket/redis';
import { REDIS, RedisModule } from './redis.module.js';

/** Redis, and the WebSockets that it connects: what instances and worker have in common. */
@Module({
  imports: [
    RedisModule,
    FourDWebSocketModule.forRootAsync({
      inject: [REDIS],
      useFactory: (client: Redis) => ({
        backplane: new RedisBackplane({ client, prefix: 'chat' }),
        // nginx tells the clients' addresses.
        trustProxy: 'loopback, uniquelocal',
      }),
    }),
  ],
})
export class BackplaneModule {}
