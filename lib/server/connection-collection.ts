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

/** What stands behind a connection, as far as a collection knows it. */
export interface Connected {
  readonly connection: WebSocketConnection;
}

/** A collection over what stands behind its connections: nothing is kept twice. */
export class ConnectionView extends ConnectionCollection {
  readonly #members: () => { readonly size: number; values(): Iterable<Connected> };
  readonly #find: (id: number) => Connected | undefined;

  /**
   * @param members gives those that are in it now
   * @param find gives the one with this id, if it is in it
   */
  constructor(
    members: () => { readonly size: number; values(): Iterable<Connected> },
    find: (id: number) => Connected | undefined,
  ) {
    super();
    this.#members = members;
    this.#find = find;
  }

  get length(): number {
    return this.#members().size;
  }

  get(id: number): WebSocketConnection | undefined {
    return this.#find(id)?.connection;
  }

  *[Symbol.iterator](): IterableIterator<WebSocketConnection> {
    for (const { connection } of this.#members().values()) yield connection;
  }
}
