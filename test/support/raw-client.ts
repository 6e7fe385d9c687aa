import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';

/** The key of RFC 6455's example. */
export const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

/** The head of an opening handshake. */
export function handshakeHead(
  path = '/',
  headers: Record<string, string | undefined> = {},
  method = 'GET',
): string {
  const all: Record<string, string | undefined> = {
    Host: 'localhost',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': KEY,
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}`],
  );
  return [`${method} ${path} HTTP/1.1`, ...lines, '\r\n'].join('\r\n');
}

/** A frame as a client sends it: masked, with a mask of zeros by default so that the payload stays readable. */
export function clientFrame(
  opcode: number,
  payload: Buffer | string = '',
  {
    fin = true,
    rsv = 0,
    mask = Buffer.alloc(4),
    masked = true,
  }: { fin?: boolean; rsv?: number; mask?: Buffer; masked?: boolean } = {},
): Buffer {
  const data = Buffer.from(payload);
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
  const flag = masked ? 0x80 : 0;
  if (data.length < 126) head.push(flag | data.length);
  else if (data.length < 65536) head.push(flag | 126, data.length >> 8, data.length & 255);
  else head.push(flag | 127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (data.length >>> shift) & 255));
  if (!masked) return Buffer.concat([Buffer.from(head), data]);
  // A mask of zeros changes nothing.
  if (mask.readUInt32LE() !== 0)
    for (const [index, byte] of data.entries()) data[index] = byte ^ mask[index & 3]!;
  return Buffer.concat([Buffer.from(head), mask, data]);
}

/** A frame as a server sends it. */
export interface ServerFrame {
  fin: boolean;
  rsv1: boolean;
  opcode: number;
  payload: Buffer;
}

/** Takes whole frames off the front of some bytes. */
export function parseFrames(bytes: Buffer): { frames: ServerFrame[]; rest: Buffer } {
  const frames: ServerFrame[] = [];
  let offset = 0;
  while (bytes.length - offset >= 2) {
    const first = bytes[offset]!;
    let length = bytes[offset + 1]! & 127;
    let start = offset + 2;
    if (length === 126) {
      if (bytes.length < start + 2) break;
      length = bytes.readUInt16BE(start);
      start += 2;
    } else if (length === 127) {
      if (bytes.length < start + 8) break;
      length = Number(bytes.readBigUInt64BE(start));
      start += 8;
    }
    if (bytes.length < start + length) break;
    frames.push({
      fin: (first & 0x80) !== 0,
      rsv1: (first & 0x40) !== 0,
      opcode: first & 15,
      payload: bytes.subarray(start, start + length),
    });
    offset = start + length;
  }
  return { frames, rest: bytes.subarray(offset) };
}

/** What a client offers that inflates each message for itself (RFC 7692). */
export const COMPRESSION_OFFER = {
  'Sec-WebSocket-Extensions': 'permessage-deflate; server_no_context_takeover',
};

/** The end of each deflated message, which is not sent (RFC 7692, section 7.2.1). */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);
const SYNC_FLUSH = { finishFlush: constants.Z_SYNC_FLUSH };

/** A compressed text message as a client sends it. */
export function compressedFrame(text: string): Buffer {
  return clientFrame(1, deflateRawSync(text, SYNC_FLUSH).subarray(0, -TAIL.length), { rsv: 4 });
}

/** The text of a frame, compressed or not. */
export function textOf({ rsv1, payload }: ServerFrame): string {
  return (rsv1 ? inflateRawSync(Buffer.concat([payload, TAIL]), SYNC_FLUSH) : payload).toString();
}

/** A client that is nothing but a socket: what it sends and gets are bytes. */
export class RawClient {
  readonly closed: Promise<unknown>;
  #received = Buffer.alloc(0);
  #wake: () => void = () => undefined;
  /** What each read from the socket brought. */
  readonly chunks: Buffer[] = [];

  constructor(readonly socket: Socket) {
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk);
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    socket.on('close', () => this.#wake());
  }

  write(...parts: (string | Buffer)[]): void {
    this.socket.write(Buffer.concat(parts.map((part) => Buffer.from(part as string))));
  }

  /** Reads until the predicate finds something; fails at the end of the socket. */
  async #until<T>(find: (bytes: Buffer) => { found: T; rest: Buffer } | undefined): Promise<T> {
    for (;;) {
      const result = find(this.#received);
      if (result) {
        this.#received = result.rest as Buffer<ArrayBuffer>;
        return result.found;
      }
      if (this.socket.destroyed || this.socket.readableEnded) {
        throw new Error(
          `the socket ended, after ${JSON.stringify(this.#received.toString('latin1').slice(0, 200))}`,
        );
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** The head of an HTTP response. */
  head(): Promise<string> {
    return this.#until((bytes) => {
      const end = bytes.indexOf('\r\n\r\n');
      return end === -1
        ? undefined
        : { found: bytes.subarray(0, end).toString('latin1'), rest: bytes.subarray(end + 4) };
    });
  }

  /** The next bytes, as many as these. */
  bytes(count: number): Promise<Buffer> {
    return this.#until((bytes) =>
      bytes.length < count ? undefined : { found: bytes.subarray(0, count), rest: bytes.subarray(count) },
    );
  }

  /** The next frame. */
  frame(): Promise<ServerFrame> {
    return this.#until((bytes) => {
      const { frames } = parseFrames(bytes);
      const [frame] = frames;
      if (!frame) return undefined;
      const headLength = frame.payload.length < 126 ? 2 : frame.payload.length < 65536 ? 4 : 10;
      return { found: frame, rest: bytes.subarray(headLength + frame.payload.length) };
    });
  }

  /** The status of the next close frame; undefined if it carries none. Frames before it are dropped. */
  async closeCode(): Promise<number | undefined> {
    for (;;) {
      const { opcode, payload } = await this.frame();
      if (opcode === 8) return payload.length < 2 ? undefined : payload.readUInt16BE(0);
    }
  }
}

/** Opens a socket, by TLS if it is to be secure. */
export async function openSocket(port: number, secure = false): Promise<RawClient> {
  const socket = secure
    ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
    : connect(port, '127.0.0.1');
  socket.setNoDelay();
  await once(socket, secure ? 'secureConnect' : 'connect');
  return new RawClient(socket);
}

/** What the server answers to a handshake for this path, which is sent as it is. */
export async function handshakeStatus(
  port: number,
  path: string,
  headers: Record<string, string> = {},
): Promise<number> {
  const client = await openSocket(port);
  client.write(handshakeHead(path, headers));
  const head = await client.head();
  client.socket.destroy();
  return Number(head.split(' ')[1]);
}

/** Opens a connection and reads the 101. */
export async function connectRaw(
  port: number,
  path = '/',
  headers: Record<string, string> = {},
): Promise<RawClient> {
  const client = await openSocket(port);
  client.write(handshakeHead(path, headers));
  const head = await client.head();
  if (!head.startsWith('HTTP/1.1 101')) throw new Error(`refused: ${head}`);
  return client;
}
