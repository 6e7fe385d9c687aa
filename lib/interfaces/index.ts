export type { Backplane, BackplaneObserver } from './backplane.js';
export type { DataType } from './data-type.js';
export type {
  WSConnectionEvent,
  WSErrorEvent,
  WSMessageEvent,
  WSOpenEvent,
  WSRefreshEvent,
  WSResumeEvent,
  WSServerErrorEvent,
  WSServerOpenEvent,
  WSServerTerminateEvent,
  WSTerminateEvent,
} from './events.js';
export type { BackplaneHistory, HistoryBounds, HistoryEntry, HistoryPage, TopicPosition } from './history.js';
export type { HandshakeRequest } from './handshake-request.js';
export type {
  HandshakeMiddleware,
  HandshakeRate,
  MessageRateOptions,
  HeartbeatOptions,
  HistoryOptions,
  OriginCheck,
  PerMessageDeflateOptions,
  ServerDefaults,
  ServerOptions,
} from './server-options.js';
export type {
  HistoryMessage,
  HistoryQuery,
  SubscribeOptions,
  TopicRecovery,
  TopicSubscription,
} from './topics.js';
export type { ComponentSignature, WSError } from './ws-error.js';
