// The floor: a socket that answers every handshake and gives back every byte, and knows nothing of WebSockets.
import { createServer } from 'node:net';
import { present } from './contender.js';

const server = createServer((socket) => {
  socket.setNoDelay();
  socket.on('error', () => undefined);
  socket.once('data', () => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    socket.on('data', (chunk) => socket.write(chunk));
  });
});
server.listen(0, '127.0.0.1', () => present(server));
