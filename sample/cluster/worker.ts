// A process without a server, such as those of queues and scheduled jobs: it publishes what the clients of the instances hear.
import { NestFactory } from '@nestjs/core';
import { WorkerModule } from './worker.module.js';

const app = await NestFactory.createApplicationContext(WorkerModule);
app.enableShutdownHooks([], { useProcessExit: true });
console.log(`Worker (process ${process.pid}) tells the time`);
