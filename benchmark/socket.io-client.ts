import type { Socket } from 'node:net';
import { clientFrame } from './client.js';

/** Where socket.io takes WebSocket connections. */
export const SOCKET_IO_PATH = '/socket.io/?EIO=4&transport=websocket';

/** Through the handshakes of engine.io and socket.io, to where messages may be sent. */
export async function joinSocketIo(socket: Socket): Promise<void> {
  const receive = (sign: string): Promise<void> =>
    new Promise((resolve) => {
      const onData = (chunk: Buffer): void => {
        if (!chunk.toString('latin1').includes(sign)) return;
        socket.off('data', onData);
        socket.pause();
        resolve();
      };
      socket.on('data', onData);
      socket.resume();
    });
  socket.write(clientFrame('40'));
  await receive('40{');
}
