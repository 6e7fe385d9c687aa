export { ConnectionHandler, type ConnectionHandlerOptions } from './connection-handler.decorator.js';
export type { ConnectionOf, HandlerOf } from './contract-handler.js';
export { OnConnection } from './on-connection.decorator.js';
export { OnDisconnect } from './on-disconnect.decorator.js';
export { OnError } from './on-error.decorator.js';
export { OnMessage } from './on-message.decorator.js';
export { OnOpen } from './on-open.decorator.js';
export { OnRefresh } from './on-refresh.decorator.js';
export { OnResume } from './on-resume.decorator.js';
export { OnTerminate } from './on-terminate.decorator.js';
export { Signal } from './signal.decorator.js';
export { WSSHandler, type ConnectionDecision } from './wss-handler.decorator.js';
export {
  WebSocketClient,
  type WebSocketClientFactory,
  type WebSocketClientOptions,
} from './web-socket-client.decorator.js';
