import { NestFactory } from '@nestjs/core';
import { ExchangeModule } from './exchange.module.js';

const exchange = await NestFactory.create(ExchangeModule);
exchange.enableShutdownHooks();
await exchange.listen(process.env.EXCHANGE_PORT ?? 3001);
