// socket.io with connection state recovery, which needs @socket.io/redis-streams-adapter where there are several instances.
import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-streams-adapter';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';
import { PORT, present } from './contender.js';

const client = new Redis({ host: '127.0.0.1', port: Number(process.env.REDIS_PORT) });
const server = createServer();
const io = new Server(server, {
  transports: ['websocket'],
  adapter: createAdapter(client),
  connectionStateRecovery: { maxDisconnectionDuration: 2 * 60 * 1000 },
});
server.listen(PORT, '127.0.0.1', () => present(server, (text) => io.emit('news', text)));
