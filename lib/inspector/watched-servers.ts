import { Injectable, type Type } from '@nestjs/common';
import { WebSocketServerRegistry } from '../handlers/web-socket-server.registry.js';
import type { WebSocketConnection } from '../server/web-socket-connection.js';
import type { WebSocketServer } from '../server/web-socket-server.js';

/** The application's servers, but for the inspector's own, by numbers that the page may name them with. */
@Injectable()
export class WatchedServers implements Iterable<WebSocketServer> {
  readonly #ids = new WeakMap<WebSocketServer, number>();
  #lastId = 0;
  #own: Type<object> = class {};

  constructor(private readonly registry: WebSocketServerRegistry) {}

  /** Says whose server is not to be watched. */
  leaveOut(handler: Type<object>): void {
    this.#own = handler;
  }

  /** Whether it is the inspector's. */
  isOwn(server: WebSocketServer): boolean {
    return server.handler instanceof this.#own;
  }

  /** Those with this path, on whatever port. */
  ofPath(path: string): WebSocketServer[] {
    return [...this].filter((server) => pathOf(server) === path);
  }

  *[Symbol.iterator](): IterableIterator<WebSocketServer> {
    for (const server of this.registry) if (!this.isOwn(server)) yield server;
  }

  idOf(server: WebSocketServer): number {
    let id = this.#ids.get(server);
    if (id === undefined) this.#ids.set(server, (id = ++this.#lastId));
    return id;
  }

  get(id: number): WebSocketServer | undefined {
    for (const server of this) if (this.idOf(server) === id) return server;
    return undefined;
  }

  has(server: WebSocketServer | undefined): boolean {
    return server !== undefined && [...this].includes(server);
  }

  /** Whose server it is: the name of a class. */
  nameOf(server: WebSocketServer): string {
    for (const session of this.registry.sessions()) if (session.wss === server) return session.name;
    return '';
  }

  connection(id: number): WebSocketConnection | undefined {
    for (const server of this) {
      const connection = server.connections.get(id);
      if (connection !== undefined) return connection;
    }
    return undefined;
  }
}

/** A server's path, as people read it. */
export function pathOf(server: WebSocketServer | undefined): string {
  return server === undefined ? '' : (server.path ?? '*');
}
