import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { Backplane, ServerDefaults } from './interfaces/index.js';

/** The options of {@link FourDWebSocketModule}: the defaults of all servers, and what connects instances (reference 1.5, 8, 14). */
export interface FourDWebSocketModuleOptions extends ServerDefaults {
  /**
   * Connects the instances of the application, so that messages to many and messages by id reach the clients of all of
   * them: `new RedisBackplane({ url })`, `new NatsBackplane({ servers })`, `new ClusterBackplane()`, or one of your own.
   *
   * @default false: each instance is alone
   */
  backplane?: Backplane | false;
}

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<FourDWebSocketModuleOptions>({ moduleName: 'FourDWebSocket' })
    .setClassMethodName('forRoot')
    .build();
