import type { IncomingMessage } from 'node:http';
import { Scope, type FactoryProvider } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import type { WebSocketConnection } from '../server/web-socket-connection.js';

/**
 * Injects the {@link WebSocketConnection} into a connection handler, and into request-scoped providers under it:
 * `@Inject(CONNECTION) private readonly ws: WebSocketConnection` (reference 9.1). `REQUEST` is the upgrade request there.
 */
export const CONNECTION = Symbol('4d-websocket:connection');

const connections = new WeakMap<IncomingMessage, WebSocketConnection>();

/** Remembers whose connection a request opened, for as long as the request lives. */
export function rememberConnection(request: IncomingMessage, connection: WebSocketConnection): void {
  connections.set(request, connection);
}

/** What {@link CONNECTION} injects. */
export const connectionProvider: FactoryProvider<WebSocketConnection | undefined> = {
  provide: CONNECTION,
  scope: Scope.REQUEST,
  inject: [REQUEST],
  useFactory: (request: IncomingMessage) => connections.get(request),
};
