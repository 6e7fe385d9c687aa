import type { WebSocketConnection } from '../server/web-socket-connection.js';
import type { ConnectionFacts, ConnectionRow } from './contract.js';
import { INSTANCE_NAME } from './inspected-instance.js';
import { pathOf } from './watched-servers.js';

/** Headers that let somebody in. */
const SECRET_HEADERS = /^(authorization|cookie|proxy-authorization|x-api-key)$|token|secret|password/i;
const SECRET_PARAMETERS = /token|secret|password|passwd|auth|session|api-?key|signature|jwt|code/i;
const HIDDEN = '••••••';

/** How many topics are told. */
const MOST_TOPICS = 500;

export function rowOf(connection: WebSocketConnection): ConnectionRow {
  const { bytesRead, bytesWritten } = connection.request.raw.socket;
  return {
    id: connection.id,
    instance: INSTANCE_NAME,
    server: pathOf(connection.wss),
    address: connection.remoteAddress,
    openedAt: connection.openedAt.getTime(),
    topics: connection.topics.size,
    queuedMessages: connection.queuedMessages,
    unreadBytes: connection.bufferedAmount,
    bytesIn: bytesRead,
    bytesOut: bytesWritten,
  };
}

/** All that there is to see of a connection; what lets its client in is hidden. */
export function factsOf(connection: WebSocketConnection): ConnectionFacts {
  const { rawHeaders } = connection.request.raw;
  const headers: [string, string][] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    headers.push([name, SECRET_HEADERS.test(name) ? HIDDEN : rawHeaders[index + 1]!]);
  }
  return {
    ...rowOf(connection),
    status: connection.status,
    protocol: connection.protocol,
    expiresAt: connection.expiresAt?.getTime(),
    url: urlOf(connection),
    headers,
    topicNames: [...connection.topics].slice(0, MOST_TOPICS),
  };
}

/** The URL, without the values of what looks like a secret. */
export function urlOf({ request: { url } }: WebSocketConnection): string {
  const [path = '', query] = url.split(/\?(.*)/s, 2);
  if (query === undefined) return path;
  const parameters = query.split('&').map((parameter) => {
    const [name = ''] = parameter.split('=', 1);
    return SECRET_PARAMETERS.test(name) ? `${name}=${HIDDEN}` : parameter;
  });
  return `${path}?${parameters.join('&')}`;
}
