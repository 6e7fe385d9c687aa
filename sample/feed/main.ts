import { NestFactory } from '@nestjs/core';

// Two applications in one process, one after the other: elsewhere the exchange would be somebody else's. With QUOTES_URL it is.
if (process.env.QUOTES_URL === undefined) await import('./exchange/main.js');
const { AppModule } = await import('./app.module.js');

const app = await NestFactory.create(AppModule);
app.enableShutdownHooks([], { useProcessExit: true });
const port = process.env.PORT ?? 3000;
await app.listen(port);
console.log(`Connect to ws://localhost:${port}/prices`);
