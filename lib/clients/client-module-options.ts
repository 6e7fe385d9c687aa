import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { WebSocketClientOptions } from '../decorators/web-socket-client.decorator.js';

/** The options of `WebSocketClientModule`: the defaults of all clients, and what single ones have (reference 15.7). */
export interface WebSocketClientModuleOptions extends Omit<
  WebSocketClientOptions,
  'connect' | 'discriminator' | 'contract'
> {
  /**
   * The options of single clients, by the names of their classes; they override those of the decorator:
   * `{ FeedClient: { url: config.get('FEED_URL') } }`.
   *
   * @default none
   */
  clients?: Readonly<Record<string, WebSocketClientOptions>>;
  /** How many milliseconds the last hooks of all clients may take at shutdown. @default 10000 */
  shutdownTimeout?: number;
}

export const {
  ConfigurableModuleClass: ConfigurableClientModuleClass,
  MODULE_OPTIONS_TOKEN: CLIENT_MODULE_OPTIONS_TOKEN,
  ASYNC_OPTIONS_TYPE: CLIENT_ASYNC_OPTIONS_TYPE,
} = new ConfigurableModuleBuilder<WebSocketClientModuleOptions>({ moduleName: 'WebSocketClient' })
  .setClassMethodName('forRoot')
  .build();
