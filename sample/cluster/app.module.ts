import { Module } from '@nestjs/common';
import { BackplaneModule } from './backplane.module.js';
import { ChatHandler } from './chat.handler.js';
import { ChatServer } from './chat.server.js';
import { PresenceService } from './presence.service.js';

@Module({
  imports: [BackplaneModule],
  providers: [ChatServer, ChatHandler, PresenceService],
})
export class AppModule {}
