import type { HandshakeRequest } from './handshake-request.js';
import type { TopicRecovery } from './topics.js';
import type { WSError } from './ws-error.js';

/**
 * What `onConnection` receives for each valid handshake (reference 4).
 *
 * @typeParam Data what the application keeps in `request.data`
 */
export interface WSConnectionEvent<Data extends object = object> {
  type: 'connection';
  /** The upgrade request of the client that asks to be let in. */
  request: HandshakeRequest<Data>;
}

/** What a server handler's `onOpen` receives, once (reference 4). */
export interface WSServerOpenEvent {
  type: 'open';
}

/** What a connection handler's `onOpen` receives, once (reference 5). */
export interface WSOpenEvent extends WSServerOpenEvent {
  /** Whether the client was connected before: known of clients that speak the sub-protocol (reference 16.4). */
  reconnected: boolean;
}

/** What a connection handler's `onResume` receives: a client that was connected before has what it missed (reference 16.4). */
export interface WSResumeEvent {
  type: 'resume';
  /** What became of each topic that the client had, and was subscribed to again. */
  topics: Readonly<Record<string, TopicRecovery>>;
}

/** What a connection handler's `onRefresh` receives: a client's token was replaced, and the guards took the new one (reference 19.5). */
export interface WSRefreshEvent {
  type: 'refresh';
  /** The handshake's request with the new token, as the guards left it; from now on the connection's `request`. */
  request: HandshakeRequest;
}

/**
 * What `onMessage` receives for each message (reference 5).
 *
 * @typeParam T `string`, `Buffer` or the parsed JSON, by the server's `dataType`
 */
export interface WSMessageEvent<T = unknown> {
  type: 'message';
  data: T;
  /** Whether it came in a binary frame; otherwise in a text frame. */
  isBinary: boolean;
}

/** What `onError` receives (reference 12.1). */
export interface WSErrorEvent {
  type: 'error';
  /** Never empty: the failure first, then the chain of its `cause`s. */
  errors: [WSError, ...WSError[]];
}

/** What a server handler's `onError` receives (reference 4). */
export interface WSServerErrorEvent extends WSErrorEvent {
  /** The message of the first error; what 4D calls it. */
  statusText: string;
}

/** What a connection handler's `onTerminate` receives, once and last (reference 5.2). */
export interface WSTerminateEvent {
  type: 'terminate';
  /** The close frame's code, 1005 if it carried none, 1006 if the connection broke. */
  code: number;
  /** The close frame's text, undefined if it carried none. */
  reason: string | undefined;
}

/** What a server handler's `onTerminate` receives, once and last (reference 4). */
export interface WSServerTerminateEvent {
  type: 'terminate';
}
