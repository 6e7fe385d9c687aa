// This package: a call of a contract, and the same by hand over a plain handler.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ConnectionHandler,
  FourDWebSocketModule,
  type ConnectionOf,
  type HandlerOf,
  type WebSocketConnection,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { defineContract } from 'nestjs-4d-websocket/contract';
import { message, type Message } from './call.js';
import { present } from './contender.js';

const contract = defineContract({ calls: { echo: { request: message, response: message } } });
type EchoContract = typeof contract;

@ConnectionHandler({ path: '/contract', contract })
class Contracted implements HandlerOf<EchoContract> {
  echo(_ws: ConnectionOf<EchoContract>, data: Message): Message {
    return data;
  }
}

interface Call {
  id: number;
  params: unknown;
}

@ConnectionHandler({ path: '/plain', dataType: 'object' })
class Plain {
  onMessage(ws: WebSocketConnection, { data: { id, params } }: WSMessageEvent<Call>): void | Promise<void> {
    const found = message.safeParse(params);
    ws.send(
      found.success
        ? { jsonrpc: '2.0', id, result: found.data }
        : { jsonrpc: '2.0', id, error: { code: -32602, message: 'Invalid params' } },
    );
  }
}

@ConnectionHandler({ path: '/contract-async', contract })
class ContractedAsync implements HandlerOf<EchoContract> {
  async echo(_ws: ConnectionOf<EchoContract>, data: Message): Promise<Message> {
    return data;
  }
}

@ConnectionHandler({ path: '/plain-async', dataType: 'object' })
class PlainAsync extends Plain {
  override async onMessage(ws: WebSocketConnection, event: WSMessageEvent<Call>) {
    super.onMessage(ws, event);
  }
}

@Module({
  imports: [FourDWebSocketModule.forRoot()],
  providers: [Contracted, Plain, ContractedAsync, PlainAsync],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false });
await app.listen(0, '127.0.0.1');
present(app.getHttpServer());
