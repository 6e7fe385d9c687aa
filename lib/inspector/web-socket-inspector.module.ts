import { Inject, Logger, Module, type DynamicModule } from '@nestjs/common';
import { ConnectionHandler } from '../decorators/connection-handler.decorator.js';
import { Actions } from './actions.js';
import { Activity } from './activity.js';
import { ConnectionList } from './connection-list.js';
import { inspectorContract } from './contract.js';
import { inspectorController } from './inspector.controller.js';
import { InspectorHandler } from './inspector.handler.js';
import { inspectorServer } from './inspector.server.js';
import {
  checkInspectorExtras,
  checkInspectorOptions,
  ConfigurableInspectorModuleClass,
  INSPECTOR_OPTIONS,
  type INSPECTOR_ASYNC_OPTIONS_TYPE,
  type INSPECTOR_OPTIONS_TYPE,
  type WebSocketInspectorExtras,
  type WebSocketInspectorOptions,
} from './inspector-options.js';
import { LiveMessages } from './live-messages.js';
import { Peers } from './peers.js';
import { InspectedInstance } from './inspected-instance.js';
import { WatchedServers } from './watched-servers.js';

/** A page that shows what the application's WebSocket servers do (reference 18.3). */
@Module({
  providers: [
    WatchedServers,
    InspectedInstance,
    Activity,
    ConnectionList,
    LiveMessages,
    Actions,
    Peers,
    InspectorHandler,
  ],
})
export class WebSocketInspectorModule extends ConfigurableInspectorModuleClass {
  constructor(@Inject(INSPECTOR_OPTIONS) options: WebSocketInspectorOptions) {
    super();
    checkInspectorOptions(options);
  }

  /** @throws {InvalidOptionError} without guards and without `insecure: true`, and for an option that is wrong */
  static override forRoot(options: typeof INSPECTOR_OPTIONS_TYPE = {}): DynamicModule {
    return guarded(super.forRoot(options), options);
  }

  /**
   * With options that `useFactory`, `useClass` or `useExisting` give; the path and the guards stand beside these.
   *
   * @throws {InvalidOptionError} without guards and without `insecure: true`, and for an option that is wrong
   */
  static override forRootAsync(options: typeof INSPECTOR_ASYNC_OPTIONS_TYPE): DynamicModule {
    return guarded(super.forRootAsync(options), options);
  }
}

function guarded(module: DynamicModule, given: WebSocketInspectorExtras = {}): DynamicModule {
  const extras = checkInspectorExtras(given);
  ConnectionHandler({ contract: inspectorContract, concurrency: 8 })(InspectorHandler);
  if (extras.insecure && process.env.NODE_ENV === 'production') {
    new Logger(WebSocketInspectorModule.name).warn(
      `The inspector at ${extras.path} is insecure: whoever reaches it sees every message, and closes any connection`,
    );
  }
  return {
    ...module,
    imports: [...(module.imports ?? []), ...(extras.imports ?? [])],
    providers: [...(module.providers ?? []), ...inspectorServer(extras)],
    controllers: [inspectorController(extras)],
  };
}
