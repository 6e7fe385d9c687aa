import { Inject, Injectable, Logger, Optional } from '@nestjs/common';
import { InvalidHandlerError } from '../errors/invalid-handler.error.js';
import { NearestServer } from '../instances/nearest-server.js';
import { RemoteServer } from '../instances/remote-server.js';
import { ThisInstance } from '../instances/this-instance.js';
import type { DataType, HistoryOptions } from '../interfaces/index.js';
import { MODULE_OPTIONS_TOKEN, type FourDWebSocketModuleOptions } from '../module-options.js';
import { declaredPath } from '../server/handshake/canonical-path.js';
import { ServerPublisher } from '../server/server-publisher.js';
import { resolveServerOptions } from '../server/server-options.js';
import { ServerHistories } from './server-histories.js';
import { WebSocketServerRegistry } from './web-socket-server.registry.js';

/** What whoever publishes has to know of a server that runs elsewhere. */
export interface PublisherOptions {
  /** The server's own option; `false` if it has none. @default the module's */
  history?: HistoryOptions | false;
  /** The server's own option: how `history()` decodes messages. @default the module's */
  dataType?: DataType;
}

/**
 * Publishes to the clients of servers that may run in other processes: for workers, queues and scheduled jobs, also where
 * there is no HTTP server (reference 16.6). Injectable anywhere.
 */
@Injectable()
export class WebSocketPublisher {
  readonly #defaults: FourDWebSocketModuleOptions;
  readonly #registry: WebSocketServerRegistry;
  readonly #instance: ThisInstance | null;
  readonly #histories: ServerHistories;
  readonly #logger = new Logger('FourDWebSocketModule');
  readonly #remotes = new Map<string, ServerPublisher>();

  constructor(
    @Optional() @Inject(MODULE_OPTIONS_TOKEN) options: FourDWebSocketModuleOptions | undefined,
    registry: WebSocketServerRegistry,
    @Inject(ThisInstance) instance: ThisInstance | null,
    histories: ServerHistories,
  ) {
    this.#defaults = options ?? {};
    this.#registry = registry;
    this.#instance = instance;
    this.#histories = histories;
  }

  /**
   * The server of a path: this process's own if it runs here, otherwise that of the other instances. Without a backplane ask for it
   * when the application has started.
   *
   * @param path as in the server's options
   * @param options needed only for a server that runs elsewhere; those of the first time count
   * @throws {InvalidHandlerError} if it does not run here and there is no backplane to reach it by
   * @throws {InvalidOptionError} for an option out of range, and for a history where the backplane does not remember
   */
  server(path: string, options: PublisherOptions = {}): ServerPublisher {
    const name = declaredPath(path);
    const own = this.#registry.get(name);
    if (own !== undefined) return own;
    const known = this.#remotes.get(name);
    if (known !== undefined) return known;
    if (this.#instance === null) {
      throw new InvalidHandlerError(
        'WebSocketPublisher',
        `no server of the path ${name} runs in this process, and without a backplane no other process is reached; ` +
          'give FourDWebSocketModule.forRoot() the option backplane',
      );
    }
    const remote = this.#reach(this.#instance, name, options);
    this.#remotes.set(name, remote);
    return remote;
  }

  #reach(instance: ThisInstance, name: string, options: PublisherOptions): ServerPublisher {
    const owner = `WebSocketPublisher.server(${JSON.stringify(name)})`;
    const { history = this.#defaults.history, dataType = this.#defaults.dataType } = options;
    const report = (error: unknown): void => this.#logger.error(`${owner}: ${String(error)}`);
    const resolved = resolveServerOptions({ ...options, history, dataType }, owner, PUBLISHER_OPTIONS);
    const topics = this.#histories.ofRemote(resolved, name, owner, instance, report);
    const remote = new RemoteServer(instance, name, topics, report);
    instance.reach(name, remote);
    // It may be asked for before the server runs here, or after that ended.
    return new ServerPublisher(new NearestServer(() => this.#registry.sessionOf(name), remote));
  }
}

const PUBLISHER_OPTIONS: ReadonlySet<string> = new Set([
  'history',
  'dataType',
] satisfies (keyof PublisherOptions)[]);
