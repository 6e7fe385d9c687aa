import type { DataType } from '../interfaces/index.js';
import type { ConnectionCollection } from './connection-collection.js';
import { ServerPublisher, type PublisherBehind } from './server-publisher.js';
import type { ServerStats } from './server-stats.js';
import type { TopicCollection } from './topic-collection.js';

/** What stands behind a server: what its face needs of it. Ids left out are those of connections. */
export interface ServerBehind extends PublisherBehind {
  readonly dataType: DataType;
  readonly handler: object;
  readonly path: string | undefined;
  readonly connections: ConnectionCollection;
  readonly topics: TopicCollection;
  readonly terminated: boolean;
  readonly closing: boolean;
  stats(): ServerStats;
  terminate(): Promise<void>;
}

/**
 * A WebSocket server: takes the clients that its handler lets in, and knows them all (reference 3). The package makes
 * one for each decorated handler; `WebSocketServerRegistry.create` makes one at run time.
 */
export class WebSocketServer extends ServerPublisher {
  readonly #behind: ServerBehind;

  /** @internal */
  constructor(behind: ServerBehind) {
    super(behind);
    this.#behind = behind;
  }

  /** The open connections of this instance, live; those of other instances are never in it. */
  get connections(): ConnectionCollection {
    return this.#behind.connections;
  }

  /** The topics that have subscribers on this instance, live. */
  get topics(): TopicCollection {
    return this.#behind.topics;
  }

  /** How messages are decoded. */
  get dataType(): DataType {
    return this.#behind.dataType;
  }

  /** The object whose `onConnection` decides about clients. */
  get handler(): object {
    return this.#behind.handler;
  }

  /** The path or path pattern; undefined when the server manages all connections. */
  get path(): string | undefined {
    return this.#behind.path;
  }

  /** Whether the server is closed and no connection is left; so it is in its handler's `onTerminate`. */
  get terminated(): boolean {
    return this.#behind.terminated;
  }

  /** Whether the server takes no more clients, because it is closing or closed; what a readiness probe asks. */
  get closing(): boolean {
    return this.#behind.closing;
  }

  /**
   * How the server stands on this instance, at this moment: the figures that metrics are made of. It looks at every connection, so
   * ask once in a while (reference 18.4).
   */
  stats(): ServerStats {
    return this.#behind.stats();
  }

  /**
   * Closes the server: no client is let in any more; every connection serves what it received, is closed with 1001,
   * and runs its `onTerminate`; then the server handler's `onTerminate` runs. After `shutdownTimeout` the sockets
   * that are left are destroyed.
   *
   * @returns a promise of the end of all that; the same at every call
   */
  terminate(): Promise<void> {
    return this.#behind.terminate();
  }
}
