import type { WebSocketConnection } from '../server/web-socket-connection.js';
import type { ConnectionFacts, ConnectionRow } from './contract.js';
import { INSTANCE_NAME } from './inspected-instance.js';
import { pathOf } from './watched-servers.js';

/** Names, of headers and of parameters, whose values may let somebody in. */
const SECRET =
  /auth|token|secret|passw|pwd|cookie|session|credential|assertion|signature|bearer|jwt|oidc|api-?_?key|code|^(sid|sig|key|pin|otp)$/i;
const HIDDEN = '••••••';

/** Parameters, wherever a URL stands: in the request line, in `Referer`, in what proxies say that it was. */
const PARAMETER = /([?&;#])([^?&;#=\s]+)=([^&;#\s]*)/g;

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
    headers.push([name, SECRET.test(name) ? HIDDEN : withoutSecrets(rawHeaders[index + 1]!)]);
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
  return withoutSecrets(url);
}

function withoutSecrets(text: string): string {
  return text.replace(PARAMETER, (whole, before: string, name: string) =>
    SECRET.test(decoded(name)) ? `${before}${name}=${HIDDEN}` : whole,
  );
}

/** A name as the application reads it. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name.replaceAll('+', ' ')).trim();
  } catch {
    return name;
  }
}
