import { Injectable, Module } from '@nestjs/common';

/** Where things are, from the environment. An application would use `@nestjs/config`. */
@Injectable()
export class AppConfig {
  readonly quotesUrl = process.env.QUOTES_URL ?? `ws://localhost:${process.env.EXCHANGE_PORT ?? 3001}/quotes`;
}

@Module({ providers: [AppConfig], exports: [AppConfig] })
export class AppConfigModule {}
