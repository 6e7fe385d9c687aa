import { Module } from '@nestjs/common';
import { FourDWebSocketModule } from 'nestjs-4d-websocket';
import { QuoteHandler } from './quote.handler.js';

@Module({
  imports: [FourDWebSocketModule.forRoot()],
  providers: [QuoteHandler],
})
export class ExchangeModule {}
