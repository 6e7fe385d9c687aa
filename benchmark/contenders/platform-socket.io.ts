// @nestjs/platform-socket.io, over its WebSocket transport.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { present } from './contender.js';

@WebSocketGateway({ transports: ['websocket'] })
class Gateway {
  @SubscribeMessage('echo')
  echo(@MessageBody() data: string) {
    return { event: 'echo', data };
  }
}

@Module({ providers: [Gateway] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false });
await app.listen(0, '127.0.0.1');
present(app.getHttpServer());
