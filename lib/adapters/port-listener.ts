import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { HandshakeTrace } from '../server/handshake/handshake-trace.js';
import { httpError, refuseWith } from '../server/handshake/refusal.js';
import { Logger } from '@nestjs/common';
import type { ServerSession } from '../server/server-session.js';
import { errorStack } from '../errors/error-details.js';
import { RouteTable } from './route-table.js';

const logger = new Logger('FourDWebSocketModule');

/** The WebSocket server of an ordinary gateway, as `WsAdapter` keeps it. */
export interface GatewayServer {
  path: string;
  handleUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    accepted: (client: unknown) => void,
  ): void;
  emit(event: string, ...args: unknown[]): boolean;
}

/**
 * Decides who gets an upgrade request of one HTTP server (reference 1.7): our server with exactly its path, our first
 * pattern that matches, an ordinary gateway with the path, our server without a path, other `upgrade` listeners of the
 * HTTP server, and if there are none of these, HTTP 404.
 */
export class PortListener {
  readonly routes = new RouteTable();
  /** The ordinary gateways of the port. */
  gateways: () => readonly GatewayServer[] = () => [];
  readonly #emit: Server['emit'];

  constructor(readonly httpServer: Server) {
    // An EventEmitter calls all listeners of an event, and another library's often destroys the sockets that it does
    // not know. So a request of ours must not reach the listeners: it is taken at `emit`, before them.
    this.#emit = httpServer.emit;
    httpServer.emit = this.#emitUnlessOurs;
    // Node takes upgrade requests only for a server with a listener.
    httpServer.on('upgrade', this.#onUnclaimed);
    httpServer.on('listening', this.open);
    httpServer.on('close', this.#onClose);
  }

  /** Routes requests to a server, and tells it when the HTTP server listens. */
  add(server: ServerSession): void {
    this.routes.add(server);
    // Later, as when the HTTP server starts to listen: who creates a server has it in hand before its onOpen runs.
    if (this.httpServer.listening) queueMicrotask(() => server.opened());
  }

  /** Tells its servers that clients may come: the HTTP server listens, or a test connects without that. */
  readonly open = (): void => {
    for (const server of this.routes.servers()) server.opened();
  };

  /** Whether it has no server, neither of ours nor a gateway's. */
  get idle(): boolean {
    return this.routes.servers().next().done === true && this.gateways().length === 0;
  }

  /** Whether others listen for upgrade requests as well. */
  get hasOtherListeners(): boolean {
    return this.httpServer.listenerCount('upgrade') > 1;
  }

  /** Leaves the HTTP server as it was found. */
  detach(): void {
    // Somebody who replaced it after us still calls ours, which finds no server any more.
    if (this.httpServer.emit === this.#emitUnlessOurs) {
      Reflect.deleteProperty(this.httpServer, 'emit');
      if (this.httpServer.emit !== this.#emit) this.httpServer.emit = this.#emit;
    }
    this.httpServer.off('upgrade', this.#onUnclaimed);
    this.httpServer.off('listening', this.open);
    this.httpServer.off('close', this.#onClose);
  }

  readonly #emitUnlessOurs = (event: string | symbol, ...args: unknown[]): boolean => {
    if (event === 'upgrade' && this.#claim(...(args as [IncomingMessage, Duplex, Buffer]))) return true;
    return Reflect.apply(this.#emit, this.httpServer, [event, ...args]);
  };

  #claim(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    if (!offersWebSocket(request)) {
      if (this.hasOtherListeners) return false;
      this.#answerAsRequest(request, socket, head);
      return true;
    }
    try {
      const pathname = pathnameOf(request);
      let route = this.routes.find(pathname);
      if (route === undefined) {
        if (this.#passToGateway(pathname, request, socket, head)) return true;
        route = this.routes.findPathless();
      }
      route?.server.handleUpgrade(request, socket, head, route.params);
      return route !== undefined;
    } catch (error) {
      const isMalformed = error instanceof URIError;
      if (isMalformed && this.hasOtherListeners) return false;
      // What a gateway's server throws, its `verifyClient` for instance, ends this request only, as it does with WsAdapter.
      if (!isMalformed) logger.error('An upgrade request failed', errorStack(error));
      const refusal = httpError(400, isMalformed ? 'The URL is malformed' : 'The handshake failed');
      HandshakeTrace.unrouted(request, refusal);
      refuseWith(socket, refusal);
      return true;
    }
  }

  /**
   * A request that offers another upgrade, such as `h2c`, is for the application, which answers it as a plain request
   * (reference 1.7). Node hands it over as an upgrade only because somebody listens for upgrades. So it goes back to where it came
   * from, head and all, without the offer.
   */
  #answerAsRequest(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
    const { rawHeaders } = request;
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const [name, value] = [rawHeaders[index]!, rawHeaders[index + 1]!];
      // Without the header itself nothing can make it an upgrade again, which would have no end.
      if (/^upgrade$/i.test(name)) continue;
      const isConnection = /^(proxy-)?connection$/i.test(name);
      const kept = isConnection ? withoutToken(value, 'upgrade') : value;
      if (kept !== '' || !isConnection) lines.push(`${name}: ${kept}`);
    }
    socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
    // How Node's documentation has a server take a connection that is there already.
    this.httpServer.emit(isSecure(socket) ? 'secureConnection' : 'connection', socket);
  }

  #passToGateway(pathname: string, request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const gateway = this.gateways().find(({ path }) => path === pathname);
    gateway?.handleUpgrade(request, socket, head, (client) => gateway.emit('connection', client, request));
    return gateway !== undefined;
  }

  readonly #onUnclaimed = (request: IncomingMessage, socket: Duplex): void => {
    if (this.hasOtherListeners) return;
    const error = httpError(404, `Cannot ${request.method} ${request.url}`);
    HandshakeTrace.unrouted(request, error);
    refuseWith(socket, error);
  };

  readonly #onClose = (): void => {
    for (const server of this.routes.servers()) void server.terminate();
  };
}

/** The path of a request's URL, whether it came in origin form or absolute (RFC 9112, section 3.2). */
function pathnameOf(request: IncomingMessage): string {
  const url = request.url ?? '/';
  const end = url.indexOf('?');
  const path = end === -1 ? url : url.slice(0, end);
  if (path.startsWith('/')) return path;
  if (!URL.canParse(path)) throw new URIError('Malformed request URL');
  return new URL(path).pathname;
}

/** Whether a request asks for WebSocket, among others perhaps. */
function offersWebSocket({ headers }: IncomingMessage): boolean {
  const upgrade = headers.upgrade?.toLowerCase() ?? '';
  return upgrade === 'websocket' || upgrade.split(',').some((offer) => offer.trim() === 'websocket');
}

function withoutToken(list: string, token: string): string {
  return list
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each.toLowerCase() !== token)
    .join(', ');
}

function isSecure(socket: Duplex): boolean {
  return (socket as Partial<TLSSocket>).encrypted === true;
}
