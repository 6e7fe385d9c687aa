import { Injectable } from '@nestjs/common';
import { WebSocketServerRegistry } from '../handlers/web-socket-server.registry.js';

/** What {@link WebSocketHealthIndicator.isHealthy} looks at (reference 18.4). */
export interface WebSocketHealthOptions {
  /**
   * Whether an application whose backplane can't be reached is down. Its own clients are served all the same: an application that only
   * publishes to these may say false.
   *
   * @default true
   */
  backplane?: boolean;
  /** More messages than this that wait for their hooks: down. @default no limit */
  maxQueuedMessages?: number;
  /** More bytes than this that clients don't take: down. @default no limit */
  maxUnreadBytes?: number;
}

/** What Terminus shows of the servers (reference 18.4). */
export interface WebSocketHealth {
  status: 'up' | 'down';
  /** Why it is down. */
  message?: string;
  connections: number;
  queuedMessages: number;
  unreadBytes: number;
  /** Whether other instances can be reached; absent without a backplane. */
  backplane?: 'up' | 'down';
}

/**
 * The WebSocket servers as `@nestjs/terminus` has indicators, which is not needed for it (reference 18.4). It says whether the
 * application should get new clients: a readiness probe's question, not a liveness probe's.
 */
@Injectable()
export class WebSocketHealthIndicator {
  constructor(private readonly servers: WebSocketServerRegistry) {}

  /**
   * Up, while all servers take clients, and other instances can be reached.
   *
   * @param key what the result is called
   */
  isHealthy<Key extends string = 'websocket'>(
    key: Key = 'websocket' as Key,
    options: WebSocketHealthOptions = {},
  ): Record<Key, WebSocketHealth> {
    const health: WebSocketHealth = { status: 'up', connections: 0, queuedMessages: 0, unreadBytes: 0 };
    let isClosing = false;
    for (const server of this.servers) {
      const { connections, queuedMessages, unreadBytes, backplane } = server.stats();
      isClosing ||= server.closing;
      health.connections += connections;
      health.queuedMessages += queuedMessages;
      health.unreadBytes += unreadBytes;
      if (backplane === false) health.backplane = 'down';
      else if (backplane === true) health.backplane ??= 'up';
    }
    const message = isClosing ? 'A server is closing' : whyDown(health, options);
    return { [key]: message === undefined ? health : { ...health, status: 'down', message } } as Record<
      Key,
      WebSocketHealth
    >;
  }
}

function whyDown(
  { backplane, queuedMessages, unreadBytes }: WebSocketHealth,
  options: WebSocketHealthOptions,
): string | undefined {
  const {
    backplane: needsBackplane = true,
    maxQueuedMessages = Infinity,
    maxUnreadBytes = Infinity,
  } = options;
  if (needsBackplane && backplane === 'down') return 'Other instances can not be reached';
  if (queuedMessages > maxQueuedMessages)
    return `${queuedMessages} messages wait, maxQueuedMessages is ${maxQueuedMessages}`;
  if (unreadBytes > maxUnreadBytes)
    return `${unreadBytes} bytes are not read, maxUnreadBytes is ${maxUnreadBytes}`;
  return undefined;
}
