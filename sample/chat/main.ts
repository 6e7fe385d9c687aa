import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AsyncApiModule } from 'nestjs-4d-websocket';
import { AppModule } from './app.module.js';
import { describeChat } from './chat.document.js';

const app = await NestFactory.create<NestExpressApplication>(AppModule);
// On SIGTERM everybody's messages are served first, then the process ends with code 0.
app.enableShutdownHooks([], { useProcessExit: true });
app.useStaticAssets(join(import.meta.dirname, 'public'));
// For other people's clients: http://localhost:3000/asyncapi
AsyncApiModule.setup('/asyncapi', app, () => describeChat(app));
await app.listen(process.env.PORT ?? 3000);
console.log(
  `Open ${await app.getUrl().then((url) => url.replace('[::1]', 'localhost'))} in two browser windows`,
);
