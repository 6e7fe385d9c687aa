// socket.io: what answers `emitWithAck`.
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { message } from './call.js';
import { present } from './contender.js';

const server = createServer();
const io = new Server(server, { transports: ['websocket'] });

io.on('connection', (socket) => {
  socket.on('echo', (data: unknown, answer: (answer: unknown) => void) => {
    const found = message.safeParse(data);
    answer(found.success ? found.data : { error: 'Invalid' });
  });
});
server.listen(0, '127.0.0.1', () => present(server));
