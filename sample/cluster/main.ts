import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';

const app = await NestFactory.create<NestExpressApplication>(AppModule);
app.enableShutdownHooks([], { useProcessExit: true });
// The page is that of the chat sample.
app.useStaticAssets(join(import.meta.dirname, '../chat/public'));
await app.listen(process.env.PORT ?? 3000);
console.log(`Instance ${process.env.INSTANCE ?? ''} (process ${process.pid}) listens`);
