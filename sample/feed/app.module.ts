import { Module } from '@nestjs/common';
import { FourDWebSocketModule, WebSocketClientModule } from 'nestjs-4d-websocket';
import { AppConfig, AppConfigModule } from './app.config.js';
import { PriceBoard } from './prices/price.board.js';
import { PriceHandler } from './prices/price.handler.js';
import { QuoteClient } from './prices/quote.client.js';

@Module({
  imports: [
    AppConfigModule,
    FourDWebSocketModule.forRoot(),
    WebSocketClientModule.forRootAsync({
      imports: [AppConfigModule],
      inject: [AppConfig],
      useFactory: (config: AppConfig) => ({ clients: { QuoteClient: { url: config.quotesUrl } } }),
    }),
  ],
  providers: [QuoteClient, PriceBoard, PriceHandler],
})
export class AppModule {}
