// This package, one of several instances: the environment tells which broker.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ConnectionHandler,
  FourDWebSocketModule,
  type Backplane,
  type WebSocketConnection,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { NatsBackplane } from 'nestjs-4d-websocket/nats';
import { RedisBackplane } from 'nestjs-4d-websocket/redis';
import { countOf, NEWS, present } from './contender.js';

const { REDIS_PORT, NATS_PORT } = process.env;

function createBackplane(): Backplane | false {
  if (REDIS_PORT !== undefined) return new RedisBackplane({ url: `redis://127.0.0.1:${REDIS_PORT}` });
  if (NATS_PORT !== undefined) return new NatsBackplane({ servers: `127.0.0.1:${NATS_PORT}` });
  return false;
}

@ConnectionHandler({ path: '/broadcast' })
class Broadcast {
  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
    const count = countOf(data);
    for (let index = 0; index < count; index++) ws.wss.broadcast(NEWS);
  }
}

@Module({ imports: [FourDWebSocketModule.forRoot({ backplane: createBackplane() })], providers: [Broadcast] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false });
await app.listen(0, '127.0.0.1');
present(app.getHttpServer());
