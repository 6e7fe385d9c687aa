import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';

const app = await NestFactory.create<NestExpressApplication>(AppModule);
app.enableShutdownHooks([], { useProcessExit: true });
app.useStaticAssets(join(import.meta.dirname, 'public'));
await app.listen(process.env.PORT ?? 3000);
console.log(`Open ${(await app.getUrl()).replace('[::1]', 'localhost')}`);
