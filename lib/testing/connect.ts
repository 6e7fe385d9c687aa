import type { IncomingMessage, OutgoingHttpHeaders, Server } from 'node:http';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { clearTimeout, setTimeout } from 'node:timers';
import { Server as TlsServer } from 'node:tls';
import type { INestApplication } from '@nestjs/common';
import { WebSocket, type ClientOptions } from 'ws';
import { APPLICATION_PORT, UpgradeRouter } from '../adapters/upgrade-router.js';
import { InvalidOptionError } from '../errors/invalid-option.error.js';
import type { DataType } from '../interfaces/index.js';
import { MESSAGE_DECODERS } from '../server/message/message-decoder.js';
import { HandshakeRefusedError } from './handshake-refused.error.js';
import { MemorySocket } from './memory-socket.js';
import { TestClient } from './test-client.js';

/** Milliseconds. Less than the five seconds that jest and vitest give a test, so that our error is the one to be read. */
const DEFAULT_TIMEOUT = 4_000;

/** How a client of an application under test connects (reference 20.2). */
export interface ConnectOptions {
  /** What messages are given as: `string`s, `Buffer`s, or parsed JSON. @default 'text' */
  dataType?: DataType;
  /** Headers of the handshake's request, such as `cookie` or `authorization`. @default none */
  headers?: OutgoingHttpHeaders;
  /** Sub-protocols to offer, the preferred first. @default none */
  protocols?: string | readonly string[];
  /** The port of a server that has one of its own. @default the application's */
  port?: number;
  /** Milliseconds that each handshake, opening or closing, and each awaited message may take. @default 4000 */
  timeout?: number;
}

/**
 * Connects to an application under test, in memory: it need not listen, `await app.init()` is enough (reference 20.2).
 * Everything else is as it is over a network: the request is parsed by Node's HTTP server, middleware, guards and handlers
 * see it, `onOpen` of the server has run.
 *
 * @param path the path of a server, perhaps with a query: `'/chat?room=1'`
 * @typeParam T the parsed JSON that messages are with `dataType: 'object'`
 * @returns a promise of the client; it rejects with a {@link HandshakeRefusedError} if the server refuses, and with an
 * `Error` if the application is not initialised, does not import the module, or does not answer in time
 */
export function connect(
  app: INestApplication,
  path: string,
  options?: ConnectOptions & { dataType?: 'text' },
): Promise<TestClient>;
export function connect(
  app: INestApplication,
  path: string,
  options: ConnectOptions & { dataType: 'blob' },
): Promise<TestClient<Buffer>>;
export function connect<T = unknown>(
  app: INestApplication,
  path: string,
  options: ConnectOptions & { dataType: 'object' },
): Promise<TestClient<T>>;
export async function connect(
  app: INestApplication,
  path: string,
  options: ConnectOptions = {},
): Promise<unknown> {
  const { dataType = 'text', headers, protocols = [], port, timeout = DEFAULT_TIMEOUT } = options;
  if (!Object.hasOwn(MESSAGE_DECODERS, dataType)) {
    throw new InvalidOptionError('connect()', 'dataType', dataType, "'text', 'object' or 'blob'");
  }
  const httpServer = openServer(app, port);
  const absolutePath = path.startsWith('/') ? path : `/${path}`;
  // The types of ws know less than it takes.
  const clientOptions: ClientOptions & { closeTimeout: number } = {
    headers: headers as ClientOptions['headers'],
    createConnection: () => connectionTo(httpServer),
    closeTimeout: timeout,
  };
  const websocket = new WebSocket(`ws://localhost${absolutePath}`, [protocols].flat(), clientOptions);
  const client = new TestClient<unknown>(websocket, absolutePath, dataType, timeout);
  await opened(websocket, absolutePath, timeout);
  return client;
}

/** The HTTP server of a port, whose WebSocket servers are open from now on, as if it listened. */
function openServer(app: INestApplication, port: number | undefined): Server {
  const listener = routerOf(app).find(port ?? APPLICATION_PORT);
  if (listener === undefined) {
    const where = port === undefined ? "the application's port" : `port ${port}`;
    throw new Error(
      `connect(): nobody serves WebSockets on ${where}; call await app.init() first, and provide a handler`,
    );
  }
  listener.open();
  return listener.httpServer;
}

function routerOf(app: INestApplication): UpgradeRouter {
  try {
    return app.get(UpgradeRouter, { strict: false });
  } catch (cause) {
    throw new Error(
      'connect(): the application does not import FourDWebSocketModule, or has it from another copy of the package',
      { cause },
    );
  }
}

/** Hands a server one end of a new connection, as Node's documentation has it take a stream; returns the other end. */
function connectionTo(httpServer: Server): Socket {
  const isSecure = httpServer instanceof TlsServer;
  const [client, server] = MemorySocket.pair(isSecure);
  httpServer.emit(isSecure ? 'secureConnection' : 'connection', server);
  // Node takes any stream here, its types don't say so.
  return client as unknown as Socket;
}

/** Waits for the end of the handshake. */
async function opened(websocket: WebSocket, path: string, timeout: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  try {
    const response = await new Promise<IncomingMessage | undefined>((resolve, reject) => {
      timer = setTimeout(
        () => reject(new Error(`connect(): ${path} did not answer the handshake within ${timeout} ms`)),
        timeout,
      );
      websocket
        .on('open', () => resolve(undefined))
        .on('unexpected-response', (_request, refusal) => resolve(refusal))
        // Later ones have a close behind them, which tells enough.
        .on('error', (cause) => reject(new Error(`connect(): ${path}: ${cause.message}`, { cause })));
    });
    if (response !== undefined) throw await refusalOf(response, path);
  } catch (error) {
    websocket.terminate();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function refusalOf(response: IncomingMessage, path: string): Promise<HandshakeRefusedError> {
  const { statusCode = 0, headers } = response;
  const body = await text(response);
  return new HandshakeRefusedError(path, statusCode, headers, parsed(body, headers['content-type']));
}

/** The body of a response: parsed if it is JSON. */
function parsed(body: string, contentType: string | undefined): unknown {
  if (!contentType?.includes('json')) return body;
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
