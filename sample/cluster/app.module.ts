import { Module } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { FourDWebSocketModule } from 'nestjs-4d-websocket';
import { RedisBackplane } from 'nestjs-4d-websocket/redis';
import { ChatHandler } from './chat.handler.js';
import { ChatServer } from './chat.server.js';
import { PresenceService } from './presence.service.js';
import { REDIS, RedisModule } from './redis.module.js';

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
  providers: [ChatServer, ChatHandler, PresenceService],
})
export class AppModule {}
