import { Global, Module, type DynamicModule } from '@nestjs/common';
import { DiscoveryModule, ModulesContainer } from '@nestjs/core';
import { ClientFactory } from './clients/client-factory.js';
import { ClientLauncher } from './clients/client-launcher.js';
import {
  CLIENT_ASYNC_OPTIONS_TYPE,
  ConfigurableClientModuleClass,
  type WebSocketClientModuleOptions,
} from './clients/client-module-options.js';
import { WebSocketClients } from './clients/web-socket-clients.js';
import { CLIENTS_CONNECTED } from './decorators/web-socket-client.decorator.js';
import { InvalidHandlerError } from './errors/invalid-handler.error.js';
import { EnhancerResolver } from './handlers/pipeline/enhancer-resolver.js';
import { ProviderExplorer } from './handlers/provider-explorer.js';

/**
 * Connects the application's `@WebSocketClient()` providers to the servers of others (reference 15.7). Import it once, in
 * the root module; it is global. It needs neither an HTTP server nor `FourDWebSocketModule`.
 */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [
    ProviderExplorer,
    EnhancerResolver,
    ClientFactory,
    WebSocketClients,
    ClientLauncher,
    { provide: CLIENTS_CONNECTED, useValue: true },
  ],
  exports: [WebSocketClients, CLIENTS_CONNECTED],
})
export class WebSocketClientModule extends ConfigurableClientModuleClass {
  constructor(modules: ModulesContainer) {
    super();
    this.#initLastAndDestroyFirst(modules);
  }

  /**
   * Imports the module with defaults for all its clients, and options for single ones (reference 15.7).
   *
   * @throws {InvalidOptionError} at start-up, for an option that there is none of, or out of range
   */
  static override forRoot(options: WebSocketClientModuleOptions = {}): DynamicModule {
    return super.forRoot(options);
  }

  /**
   * Imports the module with options that `useFactory`, `useClass` or `useExisting` give, as they are configuration
   * (reference 15.7).
   *
   * @throws {InvalidOptionError} at start-up, for an option that there is none of, or out of range
   */
  static override forRootAsync(options: typeof CLIENT_ASYNC_OPTIONS_TYPE): DynamicModule {
    return super.forRootAsync(options);
  }

  /**
   * Nest calls the hooks of modules by their distance from the root, which is 1 for the root itself: the nearest one's
   * onModuleInit last, its onModuleDestroy first. Clients end while what they inject is alive; but the servers' last
   * hooks, which may use a client, come before (FourDWebSocketModule is nearer still).
   */
  #initLastAndDestroyFirst(modules: ModulesContainer): void {
    const own = [...modules.values()].filter(({ metatype }) => metatype === WebSocketClientModule);
    if (own.length > 1) {
      throw new InvalidHandlerError(
        WebSocketClientModule.name,
        `it is imported ${own.length} times with different options; import it once, in the root module`,
      );
    }
    for (const module of own) module.distance = 0;
  }
}
