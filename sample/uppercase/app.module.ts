import { Module } from '@nestjs/common';
import { FourDWebSocketModule } from 'nestjs-4d-websocket';
import { UppercaseHandler } from './uppercase.handler.js';

@Module({
  imports: [FourDWebSocketModule.forRoot()],
  providers: [UppercaseHandler],
})
export class AppModule {}
