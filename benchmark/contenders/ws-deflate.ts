// Plain ws that compresses, and keeps no window.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { present } from './contender.js';
import { DEFLATE, NEWS_ITEM } from './deflate.js';

const httpServer = createServer();
const server = new WebSocketServer({ server: httpServer, perMessageDeflate: DEFLATE });
server.on('connection', (socket) => {
  socket.on('error', () => undefined);
  socket.on('message', () => {
    for (const client of server.clients) client.send(NEWS_ITEM);
  });
});
httpServer.listen(0, '127.0.0.1', () => present(httpServer));
