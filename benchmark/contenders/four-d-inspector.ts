// This package, with its inspector.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ConnectionHandler,
  FourDWebSocketModule,
  type WebSocketConnection,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { WebSocketInspectorModule } from 'nestjs-4d-websocket/inspector';
import { present } from './contender.js';

@ConnectionHandler({ path: '/text' })
class Text {
  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
    ws.send(data);
  }
}

@Module({
  imports: [FourDWebSocketModule.forRoot(), WebSocketInspectorModule.forRoot({ insecure: true })],
  providers: [Text],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false });
await app.listen(0, '127.0.0.1');
present(app.getHttpServer());
