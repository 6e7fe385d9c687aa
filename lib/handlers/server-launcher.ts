import {
  Inject,
  Injectable,
  Logger,
  Optional,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { ContextIdFactory } from '@nestjs/core';
import { ThisInstance } from '../instances/this-instance.js';
import { unprovidedConnectionHandlers } from '../decorators/connection-handler.decorator.js';
import { CLIENTS_CONNECTED } from '../decorators/web-socket-client.decorator.js';
import type { ServerOptions } from '../interfaces/index.js';
import { ServerHost } from '../server/server-host.js';
import { serverOptionsOf } from './connection-handler-options.js';
import { DecisionResolver } from './decision-resolver.js';
import { ServerHistories } from './server-histories.js';
import { moduleRefOf, ProviderExplorer, type DecoratedProvider } from './provider-explorer.js';
import { ServerHooksFactory } from './server-hooks.js';
import { WebSocketServerRegistry } from './web-socket-server.registry.js';

/** Starts a server for each decorated handler with the application, and closes them before anything they use. */
@Injectable()
export class ServerLauncher
  implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown
{
  readonly #logger = new Logger('FourDWebSocketModule');
  #isOver = false;

  constructor(
    private readonly explorer: ProviderExplorer,
    private readonly connectionHandlers: DecisionResolver,
    private readonly hooks: ServerHooksFactory,
    private readonly registry: WebSocketServerRegistry,
    private readonly histories: ServerHistories,
    private readonly host: ServerHost,
    @Inject(ThisInstance) private readonly cluster: ThisInstance | null,
    @Optional() @Inject(CLIENTS_CONNECTED) private readonly clientsConnected = false,
  ) {}

  async onModuleInit(): Promise<void> {
    this.registry.checkDefaults();
    this.connectionHandlers.check();
    this.#warnOfUnconnected();
    // Nest does not wait for an application's start when it is closed.
    if (this.#isOver) return;
    try {
      await this.cluster?.connect();
      if (this.#isOver) return await this.cluster?.close();
      // A standalone application has no HTTP server: it serves nobody, and may publish.
      if (this.host.available) await this.#launchAll();
      await this.cluster?.ready();
    } catch (error) {
      await this.cluster?.close();
      throw error;
    }
  }

  async onApplicationBootstrap(): Promise<void> {
    if (!this.host.available || this.#isOver) return;
    await this.host.listen();
    for (const { name, path, options } of this.registry.sessions()) {
      const port = options.port === undefined ? '' : ` on port ${options.port}`;
      this.#logger.log(`${name} serves ${path === undefined ? 'all other paths' : `{${path}}`}${port}`);
    }
  }

  async onModuleDestroy(): Promise<void> {
    this.#isOver = true;
    this.host.beginClosing();
    await Promise.all(Array.from(this.registry, (server) => server.terminate()));
    await this.histories.close();
    // Last, so that what the handlers' onTerminate publish is still heard elsewhere.
    await this.cluster?.close();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.host.close();
  }

  async #launchAll(): Promise<void> {
    for (const provider of this.explorer.serverHandlers()) await this.#launch(provider);
    for (const provider of this.explorer.connectionHandlers()) {
      const { type, options } = provider;
      const serverOptions = serverOptionsOf(options);
      if (serverOptions === undefined) continue;
      const dataType = this.registry.dataTypeOf(serverOptions.dataType);
      this.registry.start(this.hooks.ofShorthand(provider, dataType), serverOptions, type);
    }
    this.#warnOfUnservable();
  }

  async #launch({ type, wrapper, options }: DecoratedProvider<ServerOptions>): Promise<void> {
    // A request-scoped handler is made anew for each handshake; the hooks of the server itself have one to themselves.
    const handler = wrapper.isDependencyTreeStatic()
      ? (wrapper.instance as object)
      : await moduleRefOf(wrapper).resolve<object>(wrapper.token as Type<object>, ContextIdFactory.create());
    this.registry.start(this.hooks.ofHandler(handler, type.name, wrapper), options, type);
  }

  /** Tells of clients that nobody connects. */
  #warnOfUnconnected(): void {
    if (this.clientsConnected) return;
    for (const { type } of this.explorer.clients()) {
      this.#logger.warn(
        `${type.name} is a @WebSocketClient(), and never connects, since no module imports WebSocketClientModule; ` +
          'import WebSocketClientModule.forRoot() in the root module',
      );
    }
  }

  /** Tells of handlers that can't serve anybody as things are; a server that is started later may change that. */
  #warnOfUnservable(): void {
    const provided = this.explorer.connectionHandlers();
    for (const type of unprovidedConnectionHandlers(new Set(provided.map((provider) => provider.type)))) {
      if (provided.some((provider) => isBaseOf(type, provider.type))) continue;
      this.#logger.warn(
        `${(type as Type<object>).name} is a @ConnectionHandler() that no module provides, so no server can return it; ` +
          'add it to the providers of a module',
      );
    }
    if ([...this.registry].some(({ dataType }) => dataType === 'object')) return;
    for (const { type, options } of provided) {
      const { discriminator, contract } = options;
      if (discriminator === undefined && contract === undefined) continue;
      const what =
        contract === undefined ? 'a discriminator, a property of messages' : 'a contract of messages';
      this.#logger.warn(
        `${type.name} has ${what} that are objects, and no server has them; ` +
          "set the dataType of its server to 'object'",
      );
    }
  }
}

/** A base class need not be provided itself. */
function isBaseOf(base: object, type: Type<object>): boolean {
  return type.prototype instanceof (base as Type<object>);
}
