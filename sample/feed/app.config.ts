import { Injectable, Module } from '@nestjs/common';

/** Where things are, from the environment. An application would use `@nestjs/config`. */
@Injectable()
export class AppConfig {
  readonly port = Number(process.env.PORT ?? 3000);
  readonly exchangePort = Number(process.env.EXCHANGE_PORT ?? 3001);
  readonly quotesUrl = process.env.QUOTES_URL ?? `ws://localhost:${this.exchangePort}/quotes`;
}

@Module({ providers: [AppConfig], exports: [AppConfig] })
export class AppConfigModule {}
