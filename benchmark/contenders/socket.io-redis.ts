// socket.io with @socket.io/redis-adapter, over its WebSocket transport.
import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-adapter';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';
import { countOf, NEWS, PORT, present } from './contender.js';

const publisher = new Redis({ host: '127.0.0.1', port: Number(process.env.REDIS_PORT) });
const subscriber = publisher.duplicate();
const server = createServer();
const io = new Server(server, { transports: ['websocket'], adapter: createAdapter(publisher, subscriber) });
io.on('connection', (socket) => {
  socket.on('broadcast', (count: string) => {
    for (let index = 0; index < countOf(count); index++) io.emit('news', NEWS);
  });
});
server.listen(PORT, '127.0.0.1', () => present(server, (text) => io.emit('news', text)));
