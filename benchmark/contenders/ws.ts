// Plain ws, as its documentation has it.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { countOf, NEWS, present } from './contender.js';

const httpServer = createServer();
const server = new WebSocketServer({ server: httpServer, maxPayload: 1024 * 1024 });

server.on('connection', (socket, { url }) => {
  socket.on('error', () => undefined);
  switch (url) {
    case '/blob':
      socket.on('message', (data: Buffer) => socket.send(data));
      break;
    case '/object':
      socket.on('message', (data: Buffer) => socket.send(JSON.stringify(JSON.parse(data.toString()))));
      break;
    case '/broadcast':
      socket.on('message', (data: Buffer) => {
        const count = countOf(data.toString());
        for (let index = 0; index < count; index++) for (const client of server.clients) client.send(NEWS);
      });
      break;
    default:
      socket.on('message', (data: Buffer) => socket.send(data.toString()));
  }
});
httpServer.listen(0, '127.0.0.1', () => present(httpServer));
