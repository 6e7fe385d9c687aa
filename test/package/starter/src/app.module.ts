import { Module } from '@nestjs/common';
import { FourDWebSocketModule } from 'nestjs-4d-websocket';
import { AppController } from './app.controller.js';
import { AppService } from './app.service.js';
import { UpperHandler } from './upper.handler.js';

@Module({
  imports: [FourDWebSocketModule.forRoot()],
  controllers: [AppController],
  providers: [AppService, UpperHandler],
})
export class AppModule {}
