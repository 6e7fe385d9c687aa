import { once } from 'node:events';
import type { Socket } from 'node:net';
import { WebSocket, type ClientOptions } from 'ws';

/** A message as a client sees it. */
export interface Received {
  data: string | Buffer;
  isBinary: boolean;
}

/** How a connection ended, as a client sees it. */
export interface Closed {
  code: number;
  reason: string;
}

/** An HTTP response to a handshake that was refused. */
export interface Refused {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
  json: Record<string, unknown>;
}

/** A `ws` client whose messages wait to be asked for. */
export class TestClient {
  readonly #messages: Received[] = [];
  readonly #waiting: ((message: Received) => void)[] = [];
  readonly closed: Promise<Closed>;

  constructor(readonly socket: WebSocket) {
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      const message: Received = { data: isBinary ? data : data.toString(), isBinary };
      const waiting = this.#waiting.shift();
      if (waiting) waiting(message);
      else this.#messages.push(message);
    });
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  /** Messages that came and nobody asked for. */
  get unread(): readonly Received[] {
    return this.#messages;
  }

  send(message: string | Buffer): void {
    this.socket.send(message);
  }

  /** Sends a message; resolves when it is handed to the operating system, compressed or not. */
  sent(message: string): Promise<void> {
    return new Promise((resolve, reject) =>
      this.socket.send(message, (error) => (error ? reject(error) : resolve())),
    );
  }

  /** The TCP or TLS socket below. */
  get transport(): Socket {
    return (this.socket as unknown as { _socket: Socket })._socket;
  }

  /** The next message; rejects if the connection closes before it comes. */
  async next(): Promise<string | Buffer> {
    return (await this.nextReceived()).data;
  }

  async nextReceived(): Promise<Received> {
    const present = this.#messages.shift();
    if (present) return present;
    return Promise.race([
      new Promise<Received>((resolve) => this.#waiting.push(resolve)),
      this.closed.then(({ code }) =>
        Promise.reject(new Error(`closed with ${code} while a message was awaited`)),
      ),
    ]);
  }

  async take(count: number): Promise<(string | Buffer)[]> {
    const messages = [];
    for (let index = 0; index < count; index++) messages.push(await this.next());
    return messages;
  }

  async close(code?: number, reason?: string): Promise<Closed> {
    this.socket.close(code, reason);
    return this.closed;
  }
}

/** Connects, and waits until the connection is open. */
export async function connect(
  url: string,
  options?: ClientOptions & { protocols?: string[] },
): Promise<TestClient> {
  const socket = new WebSocket(url, options?.protocols ?? [], options);
  const client = new TestClient(socket);
  await Promise.race([
    once(socket, 'open'),
    once(socket, 'unexpected-response').then(([, response]) =>
      Promise.reject(new Error(`refused with ${(response as { statusCode: number }).statusCode}`)),
    ),
  ]);
  return client;
}

/** Connects, and expects to be refused. */
export async function connectRefused(
  url: string,
  options?: ClientOptions & { protocols?: string[] },
): Promise<Refused> {
  const socket = new WebSocket(url, options?.protocols ?? [], options);
  socket.on('error', () => undefined);
  const [, response] = (await Promise.race([
    once(socket, 'unexpected-response'),
    once(socket, 'open').then(() => {
      socket.terminate();
      return Promise.reject(new Error('accepted, not refused'));
    }),
  ])) as [unknown, import('node:http').IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString();
  let json: Record<string, unknown> = {};
  try {
    json = JSON.parse(body) as Record<string, unknown>;
  } catch {
    // Left empty: the test compares what it expects.
  }
  return { status: response.statusCode!, headers: response.headers, body, json };
}
