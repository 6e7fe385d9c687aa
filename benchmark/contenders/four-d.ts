// This package.
import 'reflect-metadata';
import {
  Injectable,
  Module,
  Scope,
  UseGuards,
  UseInterceptors,
  UsePipes,
  ValidationPipe,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessageBody } from '@nestjs/websockets';
import { IsString } from 'class-validator';
import { map } from 'rxjs';
import {
  ConnectionHandler,
  FourDWebSocketModule,
  type WebSocketConnection,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { countOf, NEWS, present, TOPIC } from './contender.js';

@Injectable()
class Service {
  readonly name = 'a service';
}

@ConnectionHandler({ path: '/text' })
class Text {
  constructor(readonly service: Service) {}
  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
    ws.send(data);
  }
}

@ConnectionHandler({ path: '/shared', scope: Scope.DEFAULT })
class Shared {
  constructor(readonly service: Service) {}
  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
    ws.send(data);
  }
}

@ConnectionHandler({ path: '/blob', dataType: 'blob' })
class Blob {
  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<Buffer>) {
    ws.send(data);
  }
}

@ConnectionHandler({ path: '/object', dataType: 'object' })
class Objects {
  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<object>) {
    ws.send(data);
  }
}

class Message {
  @IsString()
  data!: string;
}

@Injectable()
class Guard implements CanActivate {
  canActivate() {
    return true;
  }
}

@Injectable()
class Interceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(map((data: unknown) => data));
  }
}

@ConnectionHandler({ path: '/pipeline', dataType: 'object' })
@UseGuards(Guard)
@UsePipes(new ValidationPipe())
@UseInterceptors(Interceptor)
class Pipeline {
  onMessage(@MessageBody('data') message: Message) {
    return { event: 'echo', data: message };
  }
}

@ConnectionHandler({ path: '/broadcast' })
class Broadcast {
  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
    const count = countOf(data);
    for (let index = 0; index < count; index++) ws.wss.broadcast(NEWS);
  }
}

@ConnectionHandler({ path: '/publish' })
class Publish {
  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
    if (data === 'subscribe') {
      ws.subscribe(TOPIC);
      ws.send(NEWS);
      return;
    }
    const count = countOf(data);
    for (let index = 0; index < count; index++) ws.wss.publish(TOPIC, NEWS);
  }
}

@Module({
  imports: [FourDWebSocketModule.forRoot()],
  providers: [Service, Text, Shared, Blob, Objects, Pipeline, Broadcast, Publish],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false });
await app.listen(0, '127.0.0.1');
present(app.getHttpServer());
