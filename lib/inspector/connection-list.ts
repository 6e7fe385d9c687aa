import { Injectable } from '@nestjs/common';
import type { WebSocketConnection } from '../server/web-socket-connection.js';
import { rowOf, urlOf } from './connection-facts.js';
import type { ConnectionPage, ConnectionRow, SortKey } from './contract.js';
import { INSTANCE_NAME } from './inspected-instance.js';
import { pathOf, WatchedServers } from './watched-servers.js';

/** What a page asks for. */
export interface ListRequest {
  readonly search: string;
  /** The path of the only server that is asked for. */
  readonly server: string | undefined;
  readonly sort: SortKey;
  readonly descending: boolean;
  readonly offset: number;
  readonly limit: number;
}

type Value = (connection: WebSocketConnection) => number | string;

const VALUES: Readonly<Record<SortKey, Value>> = {
  id: ({ id }) => id,
  instance: () => INSTANCE_NAME,
  address: ({ remoteAddress }) => remoteAddress,
  server: ({ wss }) => pathOf(wss),
  openedAt: ({ openedAt }) => openedAt.getTime(),
  topics: ({ topics }) => topics.size,
  queuedMessages: ({ queuedMessages }) => queuedMessages,
  unreadBytes: ({ bufferedAmount }) => bufferedAmount,
  bytesIn: ({ request }) => request.raw.socket.bytesRead,
  bytesOut: ({ request }) => request.raw.socket.bytesWritten,
};

/** Finds, sorts and cuts up the list of connections: a page gets what it shows. */
@Injectable()
export class ConnectionList {
  constructor(private readonly servers: WatchedServers) {}

  list({ search, server, sort, descending, offset, limit }: ListRequest): ConnectionPage {
    let total = 0;
    const found: WebSocketConnection[] = [];
    const wanted = search.trim().toLowerCase();
    for (const watched of this.servers) {
      if (server !== undefined && pathOf(watched) !== server) continue;
      total += watched.connections.length;
      for (const connection of watched.connections)
        if (wanted === '' || isFound(connection, wanted)) found.push(connection);
    }
    const rows = sorted(found, VALUES[sort], descending, offset, offset + limit);
    return { total, found: found.length, rows: rows.map((connection): ConnectionRow => rowOf(connection)) };
  }
}

/** The pages that instances made of a request, each from the beginning, as one. */
export function together(
  pages: readonly ConnectionPage[],
  { sort, descending, offset, limit }: ListRequest,
): ConnectionPage {
  const sign = descending ? -1 : 1;
  const rows = pages.flatMap((page) => page.rows);
  rows.sort((one, other) => {
    if (one[sort] === other[sort]) return one.id - other.id;
    return (one[sort] < other[sort] ? -1 : 1) * sign;
  });
  return {
    total: pages.reduce((sum, { total }) => sum + total, 0),
    found: pages.reduce((sum, { found }) => sum + found, 0),
    rows: rows.slice(offset, offset + limit),
  };
}

function isFound(connection: WebSocketConnection, wanted: string): boolean {
  const { id, remoteAddress, protocol, topics, request } = connection;
  if (String(id) === wanted || remoteAddress.includes(wanted)) return true;
  if (urlOf(connection).toLowerCase().includes(wanted) || protocol.toLowerCase().includes(wanted))
    return true;
  const { 'user-agent': agent, origin } = request.raw.headers;
  if (agent?.toLowerCase().includes(wanted) === true || origin?.toLowerCase().includes(wanted) === true)
    return true;
  for (const topic of topics) if (topic.toLowerCase().includes(wanted)) return true;
  return false;
}

/** The values are looked up once for each connection, not for each comparison. */
function sorted(
  connections: readonly WebSocketConnection[],
  value: Value,
  descending: boolean,
  from: number,
  to: number,
): WebSocketConnection[] {
  const keyed = connections.map((connection) => ({ connection, key: value(connection) }));
  const sign = descending ? -1 : 1;
  keyed.sort((one, other) => {
    if (one.key === other.key) return one.connection.id - other.connection.id;
    return (one.key < other.key ? -1 : 1) * sign;
  });
  return keyed.slice(from, to).map(({ connection }) => connection);
}
