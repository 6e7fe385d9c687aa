import type * as events from '../observability/events.js';
import type { WebSocketConnection } from './web-socket-connection.js';
import type { WebSocketServer } from './web-socket-server.js';

export type { BackplaneEvent, HandshakeOutcome, HookName, LimitName } from '../observability/events.js';

/** A handshake, from the upgrade request to the answer (reference 18.1). */
export type HandshakeContext = events.HandshakeContext<WebSocketServer, WebSocketConnection>;
/** A hook at work (reference 18.1). */
export type HookContext = events.HookContext<WebSocketServer, WebSocketConnection>;
/** A client is in (reference 18.1). */
export type ConnectionOpenEvent = events.ConnectionOpenEvent<WebSocketServer, WebSocketConnection>;
/** A client is gone (reference 18.1). */
export type ConnectionCloseEvent = events.ConnectionCloseEvent<WebSocketServer, WebSocketConnection>;
/** A message came, or was sent (reference 18.1). */
export type MessageEvent = events.MessageEvent<WebSocketServer, WebSocketConnection>;
/** Something failed (reference 18.1). */
export type ErrorEvent = events.ErrorEvent<WebSocketServer, WebSocketConnection>;
/** A client came to a limit (reference 18.1). */
export type LimitEvent = events.LimitEvent<WebSocketServer, WebSocketConnection>;
/** A connection joined a topic, or left it (reference 18.1). */
export type TopicEvent = events.TopicEvent<WebSocketServer, WebSocketConnection>;
/** A message for many (reference 18.1). */
export type PublishEvent = events.PublishEvent<WebSocketServer>;

/**
 * What is published on each of the diagnostics channels, by their names (reference 18.1):
 * `DiagnosticsEvents['nestjs-4d-websocket:connection:close']`.
 */
export type DiagnosticsEvents = events.ChannelEvents<WebSocketServer, WebSocketConnection>;

/** What the events of each of the tracing channels carry, by their names (reference 18.1). */
export type TracingContexts = events.TracingContexts<WebSocketServer, WebSocketConnection>;
