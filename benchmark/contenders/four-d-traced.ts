// This package, traced by OpenTelemetry: one handshake, and one message, of a hundred has a span that is exported.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import {
  ConnectionHandler,
  FourDWebSocketModule,
  type WebSocketConnection,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { WebSocketInstrumentation } from 'nestjs-4d-websocket/opentelemetry';
import { present } from './contender.js';

const exporter = {
  export: (_spans: unknown, done: (result: { code: number }) => void) => done({ code: 0 }),
  shutdown: () => Promise.resolve(),
};
const provider = new BasicTracerProvider({
  sampler: new TraceIdRatioBasedSampler(0.01),
  spanProcessors: [new BatchSpanProcessor(exporter)],
});
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
trace.setGlobalTracerProvider(provider);
const instrumentation = new WebSocketInstrumentation();
instrumentation.setTracerProvider(provider);

@ConnectionHandler({ path: '/text' })
class Text {
  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
    ws.send(data);
  }
}

@Module({ imports: [FourDWebSocketModule.forRoot()], providers: [Text] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false });
await app.listen(0, '127.0.0.1');
present(app.getHttpServer());
