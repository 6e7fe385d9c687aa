export type {
  ClientOptions,
  ClientUrl,
  ContractClientOptions,
  HeartbeatOptions,
  PlainClientOptions,
  ReconnectOptions,
  ResumeOptions,
  ResumeStorage,
} from './client-options.js';
export type { ClientStatus } from './client-session.js';
export type {
  ClientDisconnectEvent,
  ClientErrorEvent,
  ClientMessageEvent,
  ClientOpenEvent,
  ClientResumedTopic,
  ClientResumeEvent,
  ClientTerminateEvent,
} from './events.js';
export type {
  BlobClientHandler,
  ClientHandler,
  ContractClientHandler,
  ObjectClientHandler,
  TextClientHandler,
  TypedClientHandler,
} from './four-d-web-socket.js';
export type { DataType } from '../interfaces/data-type.js';
export type { ComponentSignature, WSError } from '../interfaces/ws-error.js';
