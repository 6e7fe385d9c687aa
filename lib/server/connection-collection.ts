import type { WebSocketConnection } from './web-socket-connection.js';

type Predicate = (connection: WebSocketConnection, index: number) => unknown;

/**
 * Open connections, live: a connection is in it from before its `onOpen`, or its subscription to a topic, until its status
 * becomes `'Closed'`. Iterating while connections come and go is safe (reference 3.1).
 */
export abstract class ConnectionCollection implements Iterable<WebSocketConnection> {
  /** How many there are. */
  abstract get length(): number;

  /** The connection with this id, or undefined. */
  abstract get(id: number): WebSocketConnection | undefined;

  abstract [Symbol.iterator](): IterableIterator<WebSocketConnection>;

  /** The connection at this place, in the order in which they came; counted from the end if it is negative. Or undefined. */
  at(index: number): WebSocketConnection | undefined {
    const place = Math.trunc(index) || 0;
    let left = place < 0 ? this.length + place : place;
    if (left < 0) return undefined;
    for (const connection of this) if (left-- === 0) return connection;
    return undefined;
  }

  /** The connections that the predicate accepts, as an array. */
  filter(predicate: Predicate): WebSocketConnection[] {
    return [...this].filter(predicate);
  }

  /** The first connection that the predicate accepts, or undefined. */
  find(predicate: Predicate): WebSocketConnection | undefined {
    let index = 0;
    for (const connection of this) if (predicate(connection, index++)) return connection;
    return undefined;
  }

  /** What the function makes of each connection, as an array. */
  map<R>(convert: (connection: WebSocketConnection, index: number) => R): R[] {
    return Array.from(this, convert);
  }

  /** Calls the function for each connection. */
  forEach(visit: (connection: WebSocketConnection, index: number) => void): void {
    let index = 0;
    for (const connection of this) visit(connection, index++);
  }

  /** Whether the predicate accepts any connection. */
  some(predicate: Predicate): boolean {
    return this.find(predicate) !== undefined;
  }

  /** Whether the predicate accepts all connections. */
  every(predicate: Predicate): boolean {
    return !this.some((connection, index) => !predicate(connection, index));
  }
}

/** The connections of a server. */
export class OpenConnections extends ConnectionCollection {
  readonly #connections = new Map<number, WebSocketConnection>();

  get length(): number {
    return this.#connections.size;
  }

  get(id: number): WebSocketConnection | undefined {
    return this.#connections.get(id);
  }

  [Symbol.iterator](): IterableIterator<WebSocketConnection> {
    return this.#connections.values();
  }

  add(connection: WebSocketConnection): void {
    this.#connections.set(connection.id, connection);
  }

  delete(connection: WebSocketConnection): void {
    this.#connections.delete(connection.id);
  }
}
