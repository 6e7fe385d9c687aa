import type { WebSocketConnection } from './web-socket-connection.js';

type Predicate = (connection: WebSocketConnection, index: number) => unknown;

/**
 * The open connections of a server, live: a connection is in it from before its `onOpen` until its status
 * becomes `'Closed'`. Iterating while connections come and go is safe (SPEC 3.1).
 */
export class ConnectionCollection implements Iterable<WebSocketConnection> {
  readonly #connections = new Map<number, WebSocketConnection>();

  /** How many connections are open. */
  get length(): number {
    return this.#connections.size;
  }

  /** The connection with this id, or undefined. */
  get(id: number): WebSocketConnection | undefined {
    return this.#connections.get(id);
  }

  [Symbol.iterator](): IterableIterator<WebSocketConnection> {
    return this.#connections.values();
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

  /** @internal */
  add(connection: WebSocketConnection): void {
    this.#connections.set(connection.id, connection);
  }

  /** @internal */
  delete(connection: WebSocketConnection): void {
    this.#connections.delete(connection.id);
  }
}
