// This package, counted for Prometheus, which scrapes once a second.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ConnectionHandler,
  FourDWebSocketModule,
  type WebSocketConnection,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { WebSocketMetricsModule } from 'nestjs-4d-websocket/prometheus';
import { Registry } from 'prom-client';
import { present } from './contender.js';

@ConnectionHandler({ path: '/text' })
class Text {
  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
    ws.send(data);
  }
}

const registry = new Registry();

@Module({
  imports: [FourDWebSocketModule.forRoot(), WebSocketMetricsModule.forRoot({ registry, path: false })],
  providers: [Text],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false });
await app.listen(0, '127.0.0.1');
setInterval(() => void registry.metrics(), 1000);
present(app.getHttpServer());
