import type { Server } from 'node:http';
import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { APPLICATION_PORT, UpgradeRouter } from './upgrade-router.js';

/**
 * The gateway adapter that the module registers (reference 1.1): ordinary `@WebSocketGateway` classes work as they do with
 * `WsAdapter`, but the upgrade requests of their port are shared out by the router, so that they live on one port with
 * the servers of this package.
 */
@Injectable()
export class FourDWsAdapter extends WsAdapter {
  constructor(
    host: HttpAdapterHost,
    private readonly router: UpgradeRouter,
  ) {
    super();
    // The adapter exists before the HTTP server does: WsAdapter finds it here when it binds the first gateway.
    Object.defineProperty(this, 'httpServer', { get: () => host.httpAdapter?.getHttpServer() as unknown });
  }

  /** Where WsAdapter would listen for upgrade requests itself, and destroy the sockets of paths that it doesn't know. */
  protected override ensureHttpServerExists(port: number): Server | undefined {
    if (this.httpServersRegistry.has(port)) return undefined;
    const listener = this.router.listener(port);
    listener.gateways = () => this.wsServersRegistry.get(port) ?? [];
    this.httpServersRegistry.set(port, listener.httpServer);
    // WsAdapter makes the server that is returned listen.
    if (port !== APPLICATION_PORT) this.router.listensAlready(port);
    return listener.httpServer;
  }
}
