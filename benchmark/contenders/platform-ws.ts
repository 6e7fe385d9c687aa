// @nestjs/platform-ws: Nest's own gateways over ws.
import 'reflect-metadata';
import {
  Injectable,
  Module,
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
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { IsString } from 'class-validator';
import { map } from 'rxjs';
import { present } from './contender.js';

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

@WebSocketGateway({ path: '/text' })
class Gateway {
  @SubscribeMessage('echo')
  echo(@MessageBody() data: string) {
    return { event: 'echo', data };
  }
}

@WebSocketGateway({ path: '/pipeline' })
@UseGuards(Guard)
@UsePipes(new ValidationPipe())
@UseInterceptors(Interceptor)
class Pipeline {
  @SubscribeMessage('echo')
  echo(@MessageBody() message: Message) {
    return { event: 'echo', data: message };
  }
}

@Module({ providers: [Gateway, Pipeline] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false });
app.useWebSocketAdapter(new WsAdapter(app));
await app.listen(0, '127.0.0.1');
present(app.getHttpServer());
