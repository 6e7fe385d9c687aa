import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { ConnectionCloseEvent, MessageEvent } from '../server/diagnostics.js';
import type { WebSocketConnection } from '../server/web-socket-connection.js';
import type { LiveMessage } from './contract.js';
import { Feed } from './feed.js';

/** How much of a message is shown, in bytes, and how many may wait for a page. */
const MOST_BYTES = 16_384;
const MOST_MESSAGES = 200;

const CHANNELS = ['received', 'sent'] as const;

/** The messages of connections that somebody watches, as they come and go (reference 18.3). */
@Injectable()
export class LiveMessages implements OnModuleDestroy {
  readonly #feeds = new Map<WebSocketConnection, Set<Feed<LiveMessage>>>();
  readonly #hear = Object.fromEntries(
    CHANNELS.map((direction) => [
      direction,
      (event: unknown): void => {
        const { connection, data, isBinary, bytes } = event as MessageEvent;
        // The messages of all others cost no more than this.
        const feeds = this.#feeds.get(connection);
        if (feeds !== undefined) tell(feeds, direction, data, isBinary, bytes);
      },
    ]),
  ) as Record<LiveMessage['direction'], (event: unknown) => void>;
  readonly #close = (event: unknown): void => {
    for (const feed of this.#feeds.get((event as ConnectionCloseEvent).connection) ?? []) feed.end();
  };

  onModuleDestroy(): void {
    for (const feeds of this.#feeds.values()) for (const feed of feeds) feed.end();
  }

  /** Those of one connection, until it closes. */
  watch(connection: WebSocketConnection): Feed<LiveMessage> {
    const feed = new Feed<LiveMessage>(MOST_MESSAGES, () => this.#leave(connection, feed));
    if (this.#feeds.size === 0) {
      for (const direction of CHANNELS)
        subscribe(`nestjs-4d-websocket:message:${direction}`, this.#hear[direction]);
      subscribe('nestjs-4d-websocket:connection:close', this.#close);
    }
    const feeds = this.#feeds.get(connection);
    if (feeds === undefined) this.#feeds.set(connection, new Set([feed]));
    else feeds.add(feed);
    return feed;
  }

  #leave(connection: WebSocketConnection, feed: Feed<LiveMessage>): void {
    const feeds = this.#feeds.get(connection)!;
    feeds.delete(feed);
    if (feeds.size > 0) return;
    this.#feeds.delete(connection);
    if (this.#feeds.size > 0) return;
    for (const direction of CHANNELS)
      unsubscribe(`nestjs-4d-websocket:message:${direction}`, this.#hear[direction]);
    unsubscribe('nestjs-4d-websocket:connection:close', this.#close);
  }
}

function tell(
  feeds: Iterable<Feed<LiveMessage>>,
  direction: LiveMessage['direction'],
  data: MessageEvent['data'],
  isBinary: boolean,
  bytes: number,
): void {
  for (const feed of feeds)
    feed.push((left) => ({ at: Date.now(), direction, isBinary, bytes, data: beginningOf(data), left }));
}

/** Nothing of a Blob, which would have to be read. */
function beginningOf(data: MessageEvent['data']): string {
  if (typeof data === 'string') return Buffer.from(data.slice(0, MOST_BYTES)).toString('base64');
  return Buffer.isBuffer(data) ? data.subarray(0, MOST_BYTES).toString('base64') : '';
}
