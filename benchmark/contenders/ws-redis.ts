// Plain ws, whose instances tell each other by Redis what to send.
import { createServer } from 'node:http';
import { Redis } from 'ioredis';
import { WebSocketServer } from 'ws';
import { PORT, present, TOPIC } from './contender.js';

const publisher = new Redis({ host: '127.0.0.1', port: Number(process.env.REDIS_PORT) });
const subscriber = publisher.duplicate();
const httpServer = createServer();
const server = new WebSocketServer({ server: httpServer });
server.on('connection', (socket) => socket.on('error', () => undefined));
subscriber.on('message', (_channel, text: string) => {
  for (const client of server.clients) client.send(text);
});
await subscriber.subscribe(TOPIC);
httpServer.listen(PORT, '127.0.0.1', () => present(httpServer, (text) => publisher.publish(TOPIC, text)));
