// This package, with a topic that remembers and one that does not; in Redis, or in the process.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ConnectionHandler,
  FourDWebSocketModule,
  WebSocketServerRegistry,
  type WebSocketConnection,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { RedisBackplane } from 'nestjs-4d-websocket/redis';
import { countOf, NEWS, PORT, present, TOPIC } from './contender.js';

const { REDIS_PORT } = process.env;

class Publishing {
  async onOpen(ws: WebSocketConnection) {
    await ws.subscribe(TOPIC);
  }

  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
    const count = countOf(data);
    for (let index = 0; index < count; index++) void ws.wss.publish(TOPIC, NEWS);
  }
}

@ConnectionHandler({ path: '/forgotten' })
class Forgotten extends Publishing {}

@ConnectionHandler({ path: '/remembered', history: { topics: TOPIC } })
class Remembered extends Publishing {}

const backplane = REDIS_PORT !== undefined && new RedisBackplane({ url: `redis://127.0.0.1:${REDIS_PORT}` });

@Module({
  imports: [FourDWebSocketModule.forRoot({ backplane })],
  providers: [Forgotten, Remembered],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false });
await app.listen(PORT, '127.0.0.1');
const remembered = app.get(WebSocketServerRegistry).get('/remembered')!;
present(app.getHttpServer(), (text) => remembered.publish(TOPIC, text));
