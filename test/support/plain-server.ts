import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';

export interface PlainServerOptions {
  port?: number;
  /** Chooses a sub-protocol. @default as ws does: the first that is offered */
  protocol?: (offered: Set<string>) => string | false;
  /** Serves a connection. */
  serve?: (socket: WebSocket, request: IncomingMessage) => void;
  /** Answers a handshake with an HTTP response instead. */
  refuse?: (request: IncomingMessage) => { status: number; headers?: Record<string, string> } | undefined;
}

/** A server that knows nothing of this package: `ws`, as it is. */
export class PlainServer {
  readonly received: string[] = [];
  readonly requests: IncomingMessage[] = [];
  readonly #http: Server = createServer();
  readonly #ws: WebSocketServer;
  readonly #sockets = new Set<Socket>();
  #wake: (() => void)[] = [];

  private constructor(protocol: PlainServerOptions['protocol']) {
    this.#ws = new WebSocketServer({ noServer: true, ...(protocol && { handleProtocols: protocol }) });
  }

  static async start({ port = 0, protocol, serve, refuse }: PlainServerOptions = {}): Promise<PlainServer> {
    const server = new PlainServer(protocol);
    server.#http.on('connection', (socket) => {
      server.#sockets.add(socket);
      socket.once('close', () => server.#sockets.delete(socket));
    });
    server.#http.on('upgrade', (request, socket, head) => {
      server.requests.push(request);
      server.#changed();
      socket.on('error', () => undefined);
      const refusal = refuse?.(request);
      if (refusal) {
        const headers = Object.entries({ 'Content-Length': '0', ...refusal.headers });
        const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
        socket.end(`HTTP/1.1 ${refusal.status} Refused\r\nConnection: close\r\n${lines}\r\n`);
        return;
      }
      server.#ws.handleUpgrade(request, socket, head, (websocket) => {
        websocket.on('error', () => undefined);
        websocket.on('message', (data: Buffer, isBinary) => {
          server.received.push(isBinary ? `<${data.toString('hex')}>` : data.toString());
          server.#changed();
        });
        serve?.(websocket, request);
      });
    });
    server.#http.listen(port, '127.0.0.1');
    await once(server.#http, 'listening');
    return server;
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/`;
  }

  get clients(): Set<WebSocket> {
    return this.#ws.clients;
  }

  /** Waits until something of the server is so. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  /** Cuts all connections, as a process that is killed does, and listens no more. */
  async kill(): Promise<void> {
    this.#http.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#http, 'close');
  }

  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
