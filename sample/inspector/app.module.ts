import { Module } from '@nestjs/common';
import { FourDWebSocketModule } from 'nestjs-4d-websocket';
import { WebSocketInspectorModule } from 'nestjs-4d-websocket/inspector';
import { AdminGuard } from './admin.guard.js';
import { MarketHandler } from './market.handler.js';

@Module({
  imports: [FourDWebSocketModule.forRoot(), WebSocketInspectorModule.forRoot({ guards: [AdminGuard] })],
  providers: [MarketHandler],
})
export class AppModule {}
