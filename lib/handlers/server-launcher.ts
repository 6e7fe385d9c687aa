import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import type { ConnectionHandlerOptions } from '../decorators/connection-handler.decorator.js';
import { InvalidHandlerError } from '../errors/invalid-handler.error.js';
import type { ServerOptions } from '../interfaces/index.js';
import { ServerHost } from '../server/server-host.js';
import { ConnectionHandlers } from './connection-handlers.js';
import { ProviderExplorer, type DecoratedProvider } from './provider-explorer.js';
import { ServerHooksFactory } from './server-hooks.js';
import { WebSocketServerRegistry } from './web-socket-server.registry.js';

/** Starts a server for each decorated handler with the application, and closes them before anything they use. */
@Injectable()
export class ServerLauncher
  implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown
{
  readonly #logger = new Logger('FourDWebSocketModule');

  constructor(
    private readonly explorer: ProviderExplorer,
    private readonly connectionHandlers: ConnectionHandlers,
    private readonly hooks: ServerHooksFactory,
    private readonly registry: WebSocketServerRegistry,
    private readonly host: ServerHost,
  ) {}

  onModuleInit(): void {
    this.registry.checkDefaults();
    this.connectionHandlers.check();
    // A standalone application has no HTTP server: it may import the module, and serves nobody.
    if (!this.host.available) return;
    for (const provider of this.explorer.serverHandlers()) this.#launch(provider);
    for (const provider of this.explorer.connectionHandlers()) {
      const { type, wrapper, options } = provider;
      const serverOptions = serverOptionsOf(options);
      if (serverOptions === undefined) continue;
      this.registry.start(this.hooks.ofShorthand(type, wrapper.host), serverOptions, type);
    }
  }

  async onApplicationBootstrap(): Promise<void> {
    if (!this.host.available) return;
    await this.host.listen();
    for (const { name, path, options } of this.registry) {
      const port = options.port === undefined ? '' : ` on port ${options.port}`;
      this.#logger.log(`${name} serves ${path === undefined ? 'all other paths' : `{${path}}`}${port}`);
    }
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all(Array.from(this.registry, (server) => server.terminate()));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.host.close();
  }

  #launch({ type, wrapper, options }: DecoratedProvider<ServerOptions>): void {
    if (!wrapper.isDependencyTreeStatic()) {
      throw new InvalidHandlerError(
        type.name,
        'a WSSHandler serves all clients, so it can not be request-scoped or depend on what is; ' +
          'move that to the connection handler',
      );
    }
    const handler = wrapper.instance as object;
    this.registry.start(this.hooks.ofHandler(handler, type.name, wrapper.host), options, type);
  }
}

/** The server options among those of a connection handler; undefined if there are none. */
function serverOptionsOf({ scope: _scope, ...options }: ConnectionHandlerOptions): ServerOptions | undefined {
  return Object.values(options).some((value) => value !== undefined) ? options : undefined;
}
