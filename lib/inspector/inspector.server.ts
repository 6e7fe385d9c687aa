import {
  Inject,
  Injectable,
  UseGuards,
  type OnApplicationBootstrap,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import { WSSHandler } from '../decorators/wss-handler.decorator.js';
import { InspectorHandler } from './inspector.handler.js';
import type { WebSocketInspectorExtras } from './inspector-options.js';
import { Peers } from './peers.js';
import { WatchedServers } from './watched-servers.js';

/**
 * Makes the class of the server that a page talks to, beside the page: guarded as that is, for pages of this application only, and apart
 * from what the module's options say of the application's servers.
 */
export function inspectorServer({ path, guards }: Required<WebSocketInspectorExtras>): Type<object>[] {
  @UseGuards(...guards)
  @Injectable()
  class WebSocketInspectorServer {
    onConnection(): typeof InspectorHandler {
      return InspectorHandler;
    }
  }

  /** Declares the server when the global prefix is known, and servers are not looked for yet. */
  @Injectable()
  class WebSocketInspectorPath implements OnModuleInit, OnApplicationBootstrap {
    constructor(
      @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
      @Inject(WatchedServers) private readonly servers: WatchedServers,
      @Inject(Peers) private readonly peers: Peers,
    ) {}

    onApplicationBootstrap(): void {
      this.peers.listen();
    }

    onModuleInit(): void {
      this.servers.leaveOut(WebSocketInspectorServer);
      const { exclude = [] } = this.config.getGlobalPrefixOptions();
      const page = absolute(path);
      const isExcluded = exclude.some(({ pathRegex }) => pathRegex.test(page));
      WSSHandler({
        path: absolute(isExcluded ? '' : this.config.getGlobalPrefix(), path, 'socket'),
        dataType: 'object',
        allowedOrigins: isSameHost,
        history: false,
        messageRate: false,
        handshakeRate: false,
        maxConnections: Infinity,
        maxPayload: 1024 * 1024,
      })(WebSocketInspectorServer);
    }
  }
  return [WebSocketInspectorServer, WebSocketInspectorPath];
}

/** With a slash before each part, and none at the end. */
function absolute(...parts: readonly string[]): string {
  const names = parts.flatMap((part) => part.split('/')).filter((name) => name !== '');
  return `/${names.join('/')}`;
}

/** A page of another site would speak with the credentials of whoever looks at it. */
function isSameHost(
  origin: string,
  { headers }: { headers: { host?: string; 'x-forwarded-host'?: unknown } },
): boolean {
  const host = URL.canParse(origin) ? new URL(origin).host : '';
  return host === headers.host || host === headers['x-forwarded-host'];
}
