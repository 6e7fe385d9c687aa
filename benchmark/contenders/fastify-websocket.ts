// @fastify/websocket.
import fastifyWebSocket from '@fastify/websocket';
import { fastify } from 'fastify';
import { present } from './contender.js';

const app = fastify();
await app.register(fastifyWebSocket);
app.get('/text', { websocket: true }, (socket) => {
  socket.on('message', (data: Buffer) => socket.send(data.toString()));
});
app.get('/blob', { websocket: true }, (socket) => {
  socket.on('message', (data: Buffer) => socket.send(data));
});
await app.listen({ port: 0, host: '127.0.0.1' });
present(app.server);
