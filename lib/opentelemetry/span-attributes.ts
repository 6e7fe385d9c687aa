import type { Attributes } from '@opentelemetry/api';
import type { HandshakeContext, HookContext } from '../server/diagnostics.js';
import type { WebSocketServer } from '../server/web-socket-server.js';

/** The path pattern of a server, as metrics and spans have it; `*` of the server of all other paths. */
export function pathOf(server: WebSocketServer): string {
  return server.path ?? '*';
}

/** What is known of a handshake when it begins, by the conventions for HTTP. */
export function requestAttributes({ server, request }: HandshakeContext): Attributes {
  const { url = '', headers, socket } = request;
  const attributes: Attributes = {
    'http.request.method': request.method ?? 'GET',
    'url.path': url.split('?', 1)[0]!,
    'url.scheme': 'encrypted' in socket ? 'https' : 'http',
    'network.peer.address': socket.remoteAddress,
  };
  if (server !== undefined) attributes['http.route'] = pathOf(server);
  const agent = headers['user-agent'];
  if (agent !== undefined) attributes['user_agent.original'] = agent;
  return attributes;
}

/** How a handshake ended. */
export function answerAttributes({ outcome, status, reason, connection }: HandshakeContext): Attributes {
  const attributes: Attributes = { 'websocket.handshake.outcome': outcome };
  if (status !== undefined) attributes['http.response.status_code'] = status;
  if (reason !== undefined) attributes['websocket.handshake.reason'] = reason;
  if (connection !== undefined) {
    attributes['websocket.connection.id'] = connection.id;
    attributes['client.address'] = connection.remoteAddress;
  }
  return attributes;
}

/** Whose hook it is, and which: what a sampler may decide by. */
export function hookAttributes({ server, hook, member }: HookContext): Attributes {
  const attributes: Attributes = { 'websocket.server.path': pathOf(server), 'websocket.hook': hook };
  if (member !== undefined) {
    attributes['rpc.system'] = 'jsonrpc';
    attributes['rpc.method'] = member;
  }
  return attributes;
}
