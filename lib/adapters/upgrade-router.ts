import { createServer, type Server } from 'node:http';
import { Injectable, Logger } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { httpError } from '../server/handshake/refusal.js';
import { ServerHost } from '../server/server-host.js';
import { DEFAULT_OPTIONS } from '../server/server-options.js';
import type { ServerSession } from '../server/server-session.js';
import { PortListener } from './port-listener.js';

/** The number that Nest's gateways use for the application's own port. */
export const APPLICATION_PORT = 0;

/** Gives each server the upgrade requests of its port: the application's HTTP server, or one of its own. */
@Injectable()
export class UpgradeRouter extends ServerHost {
  readonly #logger = new Logger('FourDWebSocketModule');
  readonly #listeners = new Map<number, PortListener>();
  #closing = false;
  #listening: Promise<unknown> = Promise.resolve();
  /** Ports whose HTTP server is made here, and those of them that listen already or are about to. */
  readonly #ownPorts = new Map<number, { listening: boolean }>();

  constructor(private readonly host: HttpAdapterHost) {
    super();
  }

  get available(): boolean {
    return this.#applicationServer() !== undefined;
  }

  serve(server: ServerSession): void {
    const { port = APPLICATION_PORT, handshakeTimeout } = server.options;
    const listener = this.listener(port, handshakeTimeout);
    try {
      listener.add(server);
    } catch (error) {
      // A port that was opened for this server alone is not to listen for nobody.
      if (listener.idle && this.#ownPorts.get(port)?.listening === false) this.#close(port, listener);
      throw error;
    }
  }

  beginClosing(): void {
    this.#closing = true;
  }

  withdraw(server: ServerSession): void {
    // Until the HTTP server is closed too, clients are told by it that it is closing.
    if (this.#closing) return;
    const { port = APPLICATION_PORT } = server.options;
    const listener = this.#listeners.get(port);
    listener?.routes.delete(server);
    // Nobody is left on a port that was opened for its servers.
    if (listener?.idle === true && this.#ownPorts.has(port)) this.#close(port, listener);
  }

  async listen(): Promise<void> {
    this.#warnOfHiddenListeners();
    this.#listening = Promise.all(
      Array.from(this.#ownPorts, ([port, state]) => {
        if (state.listening) return undefined;
        state.listening = true;
        return listenOn(this.#listeners.get(port)!.httpServer, port);
      }),
    );
    await this.#listening;
  }

  async close(): Promise<void> {
    // What is about to listen, in a worker of node:cluster for instance, can't be closed before it does.
    await this.#listening.catch(() => undefined);
    const closed = Array.from(this.#listeners, ([port, { httpServer }]) => {
      if (!this.#ownPorts.has(port) || !httpServer.listening) return undefined;
      return new Promise((resolve) => closeServer(httpServer, resolve));
    });
    await Promise.all(closed);
    for (const listener of this.#listeners.values()) listener.detach();
    this.#listeners.clear();
    this.#ownPorts.clear();
  }

  /**
   * Who decides about the upgrade requests of a port; the HTTP server of a port of its own is made here.
   *
   * @param headersTimeout how long a client of that server may take to send its request, in milliseconds
   */
  listener(port: number, headersTimeout: number = DEFAULT_OPTIONS.handshakeTimeout): PortListener {
    const present = this.#listeners.get(port);
    if (present !== undefined) return present;
    const applicationServer = port === APPLICATION_PORT ? this.#applicationServer() : undefined;
    if (applicationServer === undefined) this.#ownPorts.set(port, { listening: false });
    const listener = new PortListener(applicationServer ?? createOwnServer(headersTimeout));
    this.#listeners.set(port, listener);
    return listener;
  }

  /** Who decides about the upgrade requests of a port; undefined if nobody is served there. */
  find(port: number): PortListener | undefined {
    return this.#listeners.get(port);
  }

  /** Somebody else, an ordinary gateway, makes the port's server listen. */
  listensAlready(port: number): void {
    const state = this.#ownPorts.get(port);
    if (state !== undefined) state.listening = true;
  }

  #close(port: number, listener: PortListener): void {
    this.#ownPorts.delete(port);
    this.#listeners.delete(port);
    listener.detach();
    closeServer(listener.httpServer);
  }

  #applicationServer(): Server | undefined {
    return (this.host.httpAdapter?.getHttpServer() as Server | null | undefined) ?? undefined;
  }

  #warnOfHiddenListeners(): void {
    for (const { routes, hasOtherListeners } of this.#listeners.values()) {
      if (routes.pathless === undefined || !hasOtherListeners) continue;
      this.#logger.warn(
        `${routes.pathless.name} has no path, so it takes the upgrade requests that other listeners of the HTTP server ` +
          'wait for; give it a path',
      );
    }
  }
}

/** Nobody who is connected and asks for nothing keeps a server of our own alive. */
function closeServer(httpServer: Server, closed?: (error?: Error) => void): void {
  httpServer.close(closed);
  httpServer.closeAllConnections();
}

/** A server that knows nothing but WebSockets. */
function createOwnServer(headersTimeout: number): Server {
  // Node looks for clients that take too long every half minute, unless it is told otherwise.
  const connectionsCheckingInterval = Math.min(headersTimeout, 1000);
  const options = { headersTimeout, requestTimeout: headersTimeout, connectionsCheckingInterval };
  return createServer(options, (_request, response) => {
    const error = httpError(426, 'This port speaks WebSocket only');
    response.writeHead(426, {
      'Content-Type': 'application/json; charset=utf-8',
      Upgrade: 'websocket',
      Connection: 'close',
    });
    response.end(JSON.stringify(error.getResponse()));
  });
}

function listenOn(httpServer: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    httpServer.once('error', reject);
    httpServer.listen(port, () => {
      httpServer.off('error', reject);
      resolve();
    });
  });
}
