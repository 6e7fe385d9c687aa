import { Module } from '@nestjs/common';
import { FourDWebSocketModule } from 'nestjs-4d-websocket';
import { RoomHandler } from './room.handler.js';
import { RoomServer } from './room.server.js';

@Module({
  imports: [FourDWebSocketModule.forRoot()],
  providers: [RoomServer, RoomHandler],
})
export class AppModule {}
