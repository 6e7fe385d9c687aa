import {
  ForbiddenException,
  Inject,
  Injectable,
  NotFoundException,
  type OnModuleDestroy,
} from '@nestjs/common';
import type { WebSocketConnection } from '../server/web-socket-connection.js';
import type { WebSocketServer } from '../server/web-socket-server.js';
import { INSPECTOR_OPTIONS, type WebSocketInspectorOptions } from './inspector-options.js';
import { WatchedServers } from './watched-servers.js';

/** Says to a client that it should come back, elsewhere: an application's code for what HTTP says with 503. */
const COME_BACK = 4503;

/** How often connections are closed while a server is drained, in milliseconds. */
const STEP = 100;

/** What can be done to connections and servers; nothing, if the inspector is read-only (reference 18.3). */
@Injectable()
export class Actions implements OnModuleDestroy {
  readonly #drains = new Set<NodeJS.Timeout>();

  constructor(
    @Inject(INSPECTOR_OPTIONS) private readonly options: WebSocketInspectorOptions,
    private readonly servers: WatchedServers,
  ) {}

  get isReadOnly(): boolean {
    return this.options.readOnly ?? false;
  }

  onModuleDestroy(): void {
    for (const timer of this.#drains) clearInterval(timer);
  }

  /** @param path of its server, by which it is reached on another instance */
  send(id: number, path: string, text: string): void {
    const connection = this.#connection(id, path);
    if (connection === undefined) for (const server of this.servers.ofPath(path)) server.sendTo(id, text);
    else connection.send(text);
  }

  publish(server: number, topic: string, text: string): void {
    void this.#server(server).publish(topic, text);
  }

  close(id: number, path: string, code: number, reason: string): void {
    const connection = this.#connection(id, path);
    if (connection !== undefined) connection.terminate(code, reason);
    else for (const server of this.servers.ofPath(path)) server.terminateConnection(id, code, reason);
  }

  /**
   * Closes all connections of a server on this instance, evenly over a time, so that their clients come back elsewhere.
   *
   * @returns how many there are
   */
  drain(id: number, seconds: number): number {
    const connections = [...this.#server(id).connections];
    const begin = performance.now();
    let next = 0;
    const closeDue = (): void => {
      const share = seconds === 0 ? 1 : (performance.now() - begin) / (seconds * 1000);
      const due = Math.min(connections.length, Math.ceil(share * connections.length));
      while (next < due) connections[next++]!.terminate(COME_BACK, 'Come back');
      if (next < connections.length) return;
      clearInterval(timer);
      this.#drains.delete(timer);
    };
    const timer = setInterval(closeDue, STEP);
    this.#drains.add(timer);
    closeDue();
    return connections.length;
  }

  /** Undefined for one that may be on another instance. */
  #connection(id: number, path: string): WebSocketConnection | undefined {
    this.#allow();
    const connection = this.servers.connection(id);
    const isElsewhere = this.servers.ofPath(path).some((server) => server.stats().backplane === true);
    if (connection === undefined && !isElsewhere) throw new NotFoundException(`There is no connection ${id}`);
    return connection;
  }

  #server(id: number): WebSocketServer {
    this.#allow();
    const server = this.servers.get(id);
    if (server === undefined) throw new NotFoundException('The server is gone');
    return server;
  }

  #allow(): void {
    if (this.isReadOnly) throw new ForbiddenException('The inspector is read-only');
  }
}
