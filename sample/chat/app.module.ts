import { Module } from '@nestjs/common';
import { FourDWebSocketModule } from 'nestjs-4d-websocket';
import { ChatHandler } from './chat.handler.js';
import { ChatServer } from './chat.server.js';

@Module({
  imports: [FourDWebSocketModule.forRoot()],
  providers: [ChatServer, ChatHandler],
})
export class AppModule {}
