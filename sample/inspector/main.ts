import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { Crowd } from './crowd.js';

const app = await NestFactory.create(AppModule, { logger: ['log', 'warn', 'error'] });
app.enableShutdownHooks([], { useProcessExit: true });
const port = process.env.PORT ?? 3000;
await app.listen(port);
console.log(`Open http://localhost:${port}/inspector as anybody, with the password "look"`);
const crowd = new Crowd(`ws://localhost:${port}`, Number(process.env.CROWD ?? 80));
process.once('SIGTERM', () => crowd.end());
process.once('SIGINT', () => crowd.end());
