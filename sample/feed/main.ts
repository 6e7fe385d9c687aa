import { NestFactory } from '@nestjs/core';
import { AppConfig } from './app.config.js';
import { AppModule } from './app.module.js';
import { ExchangeModule } from './exchange/exchange.module.js';

const app = await NestFactory.create(AppModule);
const { port, exchangePort } = app.get(AppConfig);

// Two applications in one process: elsewhere the exchange would be somebody else's. With QUOTES_URL it is.
if (process.env.QUOTES_URL === undefined) {
  const exchange = await NestFactory.create(ExchangeModule);
  exchange.enableShutdownHooks();
  await exchange.listen(exchangePort);
}

app.enableShutdownHooks([], { useProcessExit: true });
await app.listen(port);
console.log(`Connect to ws://localhost:${port}/prices`);
