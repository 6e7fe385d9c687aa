export { FourDWsAdapter } from './adapters/four-d-ws.adapter.js';
export { AsyncApiModule } from './asyncapi/async-api.module.js';
export type {
  AsyncApiChannel,
  AsyncApiComponents,
  AsyncApiDocument,
  AsyncApiExtensions,
  AsyncApiInfo,
  AsyncApiMessage,
  AsyncApiOperation,
  AsyncApiParameter,
  AsyncApiReference,
  AsyncApiServer,
  JsonSchema,
} from './asyncapi/async-api-document.js';
export type { AsyncApiOptions, AsyncApiServeOptions } from './asyncapi/async-api-options.js';
export type { WebSocketClientModuleOptions } from './clients/client-module-options.js';
export { WebSocketClients } from './clients/web-socket-clients.js';
export {
  ConnectionHandler,
  OnConnection,
  OnDisconnect,
  OnError,
  OnMessage,
  OnOpen,
  OnRefresh,
  OnResume,
  OnTerminate,
  Signal,
  WebSocketClient,
  WSSHandler,
  type ConnectionDecision,
  type ConnectionHandlerOptions,
  type ConnectionOf,
  type HandlerOf,
  type WebSocketClientFactory,
  type WebSocketClientOptions,
} from './decorators/index.js';
export { BackplaneError } from './errors/backplane.error.js';
export { InvalidHandlerError } from './errors/invalid-handler.error.js';
export { InvalidOptionError } from './errors/invalid-option.error.js';
export { FourDWebSocketModule } from './four-d-websocket.module.js';
export { CONNECTION } from './handlers/connection.provider.js';
export {
  WebSocketHealthIndicator,
  type WebSocketHealth,
  type WebSocketHealthOptions,
} from './health/web-socket-health.indicator.js';
export { WebSocketPublisher, type PublisherOptions } from './handlers/web-socket-publisher.js';
export { WebSocketServerRegistry } from './handlers/web-socket-server.registry.js';
export type {
  Backplane,
  BackplaneHistory,
  BackplaneObserver,
  ComponentSignature,
  DataType,
  HandshakeMiddleware,
  HandshakeRate,
  MessageRateOptions,
  HandshakeRequest,
  HeartbeatOptions,
  HistoryBounds,
  HistoryEntry,
  HistoryMessage,
  HistoryOptions,
  HistoryPage,
  HistoryQuery,
  OriginCheck,
  PerMessageDeflateOptions,
  ServerDefaults,
  ServerOptions,
  SubscribeOptions,
  TopicPosition,
  TopicRecovery,
  TopicSubscription,
  WSConnectionEvent,
  WSError,
  WSErrorEvent,
  WSMessageEvent,
  WSOpenEvent,
  WSRefreshEvent,
  WSResumeEvent,
  WSServerErrorEvent,
  WSServerOpenEvent,
  WSServerTerminateEvent,
  WSTerminateEvent,
} from './interfaces/index.js';
export type { FourDWebSocketModuleOptions } from './module-options.js';
export type {
  BackplaneEvent,
  ConnectionCloseEvent,
  ConnectionOpenEvent,
  DiagnosticsEvents,
  ErrorEvent,
  HandshakeContext,
  HandshakeOutcome,
  HookContext,
  HookName,
  LimitEvent,
  LimitName,
  MessageEvent,
  PublishEvent,
  TopicEvent,
  TracingContexts,
} from './server/diagnostics.js';
export type { ConnectionCollection } from './server/connection-collection.js';
export type { TopicCollection } from './server/topic-collection.js';
export type { ConnectionCount } from './server/other-instances.js';
export type { ServerStats } from './server/server-stats.js';
export type { HistoryStats } from './server/topic-history.js';
export { WebSocketConnection, type ConnectionStatus, type Sendable } from './server/web-socket-connection.js';
export { ServerPublisher, type CountOptions, type PublishOptions } from './server/server-publisher.js';
export { WebSocketServer } from './server/web-socket-server.js';
export { WebSocketClientModule } from './web-socket-client.module.js';
