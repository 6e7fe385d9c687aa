import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { CloseCode } from './close-code.js';
import type { ConnectionSession } from './connection-session.js';
import type { ConnectionSocket } from './connection-socket.js';
import { protocolErrorCode } from './error-details.js';

/** Where a socket keeps its session. */
const kSession = Symbol('session');

interface SessionSocket extends Socket {
  [kSession]?: ConnectionSession;
}

/**
 * Hands what happens on a connection's sockets to its session. The functions are shared, and find their session on the
 * emitter: a connection has no closures of its own.
 */
export function listen(session: ConnectionSession): void {
  const { websocket } = session;
  const socket: SessionSocket = session.socket;
  websocket.session = session;
  websocket.on('message', onMessage);
  websocket.on('error', onError);
  websocket.on('close', onClose);
  socket[kSession] = session;
  socket.on('error', onSocketError);
  socket.prependListener('end', onSocketEnd);
}

function onMessage(this: WebSocket, data: unknown, isBinary: boolean): void {
  (this as ConnectionSocket).session!.inbox.receive(data as Buffer, isBinary);
}

function onError(this: WebSocket, error: Error): void {
  (this as ConnectionSocket).session!.fail(protocolErrorCode(error), error);
}

function onClose(this: WebSocket, code: number, reason: Buffer): void {
  (this as ConnectionSocket).session!.closed(code, reason);
}

/** A reset or the like. ws destroys the socket, but keeps the reason to itself. */
function onSocketError(this: SessionSocket, error: Error): void {
  this[kSession]!.fail(CloseCode.ABNORMAL, error);
}

/** The client's side has ended, and ws is about to end ours: what waits goes out before. */
function onSocketEnd(this: SessionSocket): void {
  this[kSession]!.outbox.flush();
}
