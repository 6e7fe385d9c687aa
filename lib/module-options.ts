import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { ServerDefaults } from './interfaces/index.js';

/** The options of {@link FourDWebSocketModule}: the defaults of all servers (SPEC 1.5, 8). */
export type FourDWebSocketModuleOptions = ServerDefaults;

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<FourDWebSocketModuleOptions>({ moduleName: 'FourDWebSocket' })
    .setClassMethodName('forRoot')
    .build();
