// socket.io-client, over its WebSocket transport.
import { io } from 'socket.io-client';
import { present, TEXT } from './client.js';

await present(
  (port, received) =>
    new Promise((resolve) => {
      const client = io(`http://127.0.0.1:${port}`, { transports: ['websocket'] });
      client.on('connect', () => resolve(() => client.emit('echo', TEXT)));
      client.on('echo', received);
    }),
);
