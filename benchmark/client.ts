import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const KEY = randomBytes(16).toString('base64');

/** A masked frame, as a client sends it. */
export function clientFrame(payload: string | Buffer): Buffer {
  const data = Buffer.from(payload);
  const isText = typeof payload === 'string';
  const head = [isText ? 0x81 : 0x82];
  if (data.length < 126) head.push(0x80 | data.length);
  else head.push(0x80 | 126, data.length >> 8, data.length & 255);
  const mask = randomBytes(4);
  return Buffer.concat([Buffer.from(head), mask, data.map((byte, index) => byte ^ mask[index & 3]!)]);
}

/** How long the frame is in which a server sends a payload of this many bytes. */
export function serverFrameLength(payloadLength: number): number {
  return payloadLength + (payloadLength < 126 ? 2 : payloadLength < 65536 ? 4 : 10);
}

/** The request for a WebSocket, with the sub-protocol and the extension that are offered, if any. */
export function handshake(path: string, subProtocol?: string, extension?: string): string {
  const protocol = subProtocol === undefined ? '' : `Sec-WebSocket-Protocol: ${subProtocol}\r\n`;
  const offer = protocol + (extension === undefined ? '' : `Sec-WebSocket-Extensions: ${extension}\r\n`);
  return (
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n${offer}\r\n`
  );
}

/** Opens a socket and makes the handshake; the socket is paused, and nothing of it is parsed any more. */
export async function openConnection(port: number, path: string, extension?: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay();
  socket.on('error', () => undefined);
  socket.write(handshake(path, undefined, extension));
  let head = '';
  while (!head.includes('\r\n\r\n')) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    head += chunk.toString('latin1');
  }
  if (!head.startsWith('HTTP/1.1 101')) throw new Error(`refused: ${head.split('\r\n', 1)[0]}`);
  socket.pause();
  return socket;
}

/** Opens many connections, some hundred at a time. */
export async function openConnections(
  port: number,
  path: string,
  count: number,
  extension?: string,
): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const batch = Math.min(200, count - sockets.length);
    sockets.push(
      ...(await Promise.all(Array.from({ length: batch }, () => openConnection(port, path, extension)))),
    );
  }
  return sockets;
}

/** Closes sockets, and waits until they are. */
export async function closeAll(sockets: readonly Socket[]): Promise<void> {
  await Promise.all(
    sockets.map((socket) => {
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.destroy();
      return closed;
    }),
  );
}
