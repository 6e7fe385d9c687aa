// This package, which compresses and keeps no window.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ConnectionHandler, FourDWebSocketModule, type WebSocketConnection } from 'nestjs-4d-websocket';
import { present } from './contender.js';
import { DEFLATE, NEWS_ITEM } from './deflate.js';

@ConnectionHandler({ path: '/broadcast', perMessageDeflate: DEFLATE })
class Broadcast {
  onMessage(ws: WebSocketConnection) {
    ws.wss.broadcast(NEWS_ITEM);
  }
}

@Module({ imports: [FourDWebSocketModule.forRoot()], providers: [Broadcast] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false });
await app.listen(0, '127.0.0.1');
present(app.getHttpServer());
