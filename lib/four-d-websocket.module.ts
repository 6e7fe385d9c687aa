import { Global, Module, type DynamicModule } from '@nestjs/common';
import { ApplicationConfig, DiscoveryModule, ModulesContainer } from '@nestjs/core';
import { FourDWsAdapter } from './adapters/four-d-ws.adapter.js';
import { UpgradeRouter } from './adapters/upgrade-router.js';
import { thisInstanceProvider } from './handlers/this-instance.provider.js';
import { InvalidHandlerError } from './errors/invalid-handler.error.js';
import { DecisionResolver } from './handlers/decision-resolver.js';
import { ConnectionLog } from './handlers/connection-log.js';
import { CONNECTION, connectionProvider } from './handlers/connection.provider.js';
import { EnhancerResolver } from './handlers/pipeline/enhancer-resolver.js';
import { ProviderExplorer } from './handlers/provider-explorer.js';
import { ServerHistories } from './handlers/server-histories.js';
import { ServerHooksFactory } from './handlers/server-hooks.js';
import { ServerLauncher } from './handlers/server-launcher.js';
import { WebSocketPublisher } from './handlers/web-socket-publisher.js';
import { WebSocketServerRegistry } from './handlers/web-socket-server.registry.js';
import { WebSocketHealthIndicator } from './health/web-socket-health.indicator.js';
import { ConfigurableModuleClass, type FourDWebSocketModuleOptions } from './module-options.js';
import { ServerHost } from './server/server-host.js';

/**
 * Serves the application's `@WSSHandler()` and `@ConnectionHandler()` providers on its HTTP server. Import it once, in
 * the root module; it is global, and nothing is needed in `main.ts` (reference 1.1).
 */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [
    ProviderExplorer,
    DecisionResolver,
    EnhancerResolver,
    ServerHooksFactory,
    ServerHistories,
    WebSocketServerRegistry,
    WebSocketPublisher,
    WebSocketHealthIndicator,
    UpgradeRouter,
    { provide: ServerHost, useExisting: UpgradeRouter },
    FourDWsAdapter,
    thisInstanceProvider,
    ServerLauncher,
    ConnectionLog,
    connectionProvider,
  ],
  exports: [WebSocketServerRegistry, WebSocketPublisher, WebSocketHealthIndicator, CONNECTION],
})
export class FourDWebSocketModule extends ConfigurableModuleClass {
  constructor(config: ApplicationConfig, adapter: FourDWsAdapter, modules: ModulesContainer) {
    super();
    // Gateways are bound before any onModuleInit, so the adapter has to be known by now. An application that sets
    // another one, in main.ts, does so later.
    config.setIoAdapter(adapter);
    this.#initLastAndDestroyFirst(modules);
  }

  /**
   * Imports the module with defaults for all its servers; a decorator's options override them (reference 1.5).
   *
   * @throws {InvalidOptionError} at start-up, for an option out of range
   */
  static override forRoot(options: FourDWebSocketModuleOptions = {}): DynamicModule {
    return super.forRoot(options);
  }

  /**
   * Nest calls the hooks of modules by their distance from the root: the nearest one's onModuleInit last, its
   * onModuleDestroy first. Servers start when all they use is there, and their last `onTerminate` runs while it still
   * is (reference 13), so this module has to be nearer than the root itself.
   */
  #initLastAndDestroyFirst(modules: ModulesContainer): void {
    const own = [...modules.values()].filter(({ metatype }) => metatype === FourDWebSocketModule);
    if (own.length > 1) {
      throw new InvalidHandlerError(
        FourDWebSocketModule.name,
        `it is imported ${own.length} times with different options; import it once, in the root module`,
      );
    }
    for (const module of own) module.distance = -1;
  }
}
