import { Inject, Injectable, Optional, type Type } from '@nestjs/common';
import { WSS_HANDLER_OPTIONS, type WSSHandler } from '../decorators/wss-handler.decorator.js';
import { ThisInstance } from '../instances/this-instance.js';
import { InvalidHandlerError } from '../errors/invalid-handler.error.js';
import type { DataType, ServerDefaults, ServerOptions } from '../interfaces/index.js';
import { MODULE_OPTIONS_TOKEN, type FourDWebSocketModuleOptions } from '../module-options.js';
import { errorDetails } from '../errors/error-details.js';
import type { ServerHooks } from '../server/hooks.js';
import { ServerHost } from '../server/server-host.js';
import { declaredPath } from '../server/handshake/canonical-path.js';
import { DEFAULT_OPTIONS, DEFAULTS_NAMES, resolveServerOptions } from '../server/server-options.js';
import { ServerSession } from '../server/server-session.js';
import type { WebSocketServer } from '../server/web-socket-server.js';
import { ProviderExplorer, type ProviderWrapper } from './provider-explorer.js';
import { ServerHistories } from './server-histories.js';
import { ServerHooksFactory } from './server-hooks.js';

/** The WebSocket servers of the application; injectable anywhere (reference 3.2). */
@Injectable()
export class WebSocketServerRegistry implements Iterable<WebSocketServer> {
  /** The running servers, with the classes that they are found by. */
  readonly #servers = new Map<ServerSession, Type<object>>();
  readonly #defaults: ServerDefaults;
  readonly #explorer: ProviderExplorer;
  readonly #hooks: ServerHooksFactory;
  readonly #host: ServerHost;
  readonly #cluster: ThisInstance | null;
  readonly #histories: ServerHistories;

  constructor(
    @Optional() @Inject(MODULE_OPTIONS_TOKEN) options: FourDWebSocketModuleOptions | undefined,
    explorer: ProviderExplorer,
    hooks: ServerHooksFactory,
    host: ServerHost,
    @Inject(ThisInstance) cluster: ThisInstance | null,
    histories: ServerHistories,
  ) {
    const { backplane: _backplane, ...defaults } = options ?? {};
    this.#defaults = defaults;
    this.#explorer = explorer;
    this.#hooks = hooks;
    this.#host = host;
    this.#cluster = cluster;
    this.#histories = histories;
  }

  *[Symbol.iterator](): IterableIterator<WebSocketServer> {
    for (const { wss } of this.sessions()) yield wss;
  }

  /** @internal What stands behind the servers. */
  sessions(): IterableIterator<ServerSession> {
    return this.#servers.keys();
  }

  /**
   * The running server with this path, as in its options, or of this handler class; undefined if there is none.
   * Of several servers with the path on different ports, or of one class, it is the first.
   */
  get(pathOrHandler: string | Type<object>): WebSocketServer | undefined {
    for (const [{ wss }, type] of this.#servers) {
      if (typeof pathOrHandler === 'string') {
        if (wss.path === declaredPath(pathOrHandler)) return wss;
      } else if (type === pathOrHandler || wss.handler instanceof pathOrHandler) {
        return wss;
      }
    }
    return undefined;
  }

  /**
   * Starts a server at run time, 4D's `WebSocketServer.new`.
   *
   * @param handler a class that a module provides, or an object with `onConnection`; decorated or not
   * @param options override those of the class's decorator, which override the module's
   * @throws {InvalidHandlerError} if the handler has no `onConnection`, its class is not provided, or its path is taken
   * @throws {InvalidOptionError} for an option out of range
   */
  create(handler: Type<object> | WSSHandler | object, options: ServerOptions = {}): WebSocketServer {
    const { instance, wrapper } = this.#instanceOf(handler);
    const type = (instance.constructor ?? Object) as Type<object>;
    const name = type === Object ? 'handler' : type.name || 'handler';
    const declared = Reflect.getMetadata(WSS_HANDLER_OPTIONS, type) as ServerOptions | undefined;
    const server = this.start(
      this.#hooks.ofHandler(instance, name, wrapper),
      { ...declared, ...options },
      type,
    );
    this.#host.listen().catch((error: unknown) => {
      server.report(errorDetails(error, 'wsck'));
      void server.terminate();
    });
    return server.wss;
  }

  /**
   * @internal Starts a server.
   *
   * @param type the class it is found by
   */
  start(hooks: ServerHooks, options: ServerOptions, type: Type<object>): ServerSession {
    const server = new ServerSession(resolveServerOptions(this.#withDefaults(options), hooks.name), hooks);
    this.#serve(server);
    this.#servers.set(server, type);
    server.onTerminated(() => {
      this.#servers.delete(server);
      this.#host.withdraw(server);
    });
    return server;
  }

  /** @internal What stands behind the running server of this path; undefined if there is none. */
  sessionOf(path: string): ServerSession | undefined {
    for (const session of this.#servers.keys()) if (session.path === path) return session;
    return undefined;
  }

  /** @internal Checks the module's options, which no server may use. */
  checkDefaults(): void {
    resolveServerOptions(this.#defaults, 'FourDWebSocketModule', DEFAULTS_NAMES);
  }

  /** @internal The data type of a server with this option. */
  dataTypeOf(dataType: DataType | undefined): DataType {
    return dataType ?? this.#defaults.dataType ?? DEFAULT_OPTIONS.dataType;
  }

  #serve(server: ServerSession): void {
    const others = server.options.backplane ? this.#cluster : null;
    this.#histories.remember(server, others);
    this.#host.serve(server);
    if (others === null) return;
    try {
      others.join(server);
    } catch (error) {
      this.#host.withdraw(server);
      throw error;
    }
  }

  #withDefaults(options: ServerOptions): ServerOptions {
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    return { ...this.#defaults, ...Object.fromEntries(given) };
  }

  #instanceOf(handler: Type<object> | object): { instance: object; wrapper?: ProviderWrapper } {
    if (typeof handler !== 'function') return { instance: handler };
    const type = handler as Type<object>;
    const wrapper = this.#explorer.providersOf(type)[0];
    if (wrapper?.instance === undefined || !wrapper.isDependencyTreeStatic()) {
      throw new InvalidHandlerError(
        type.name,
        'WebSocketServerRegistry.create() needs a class that a module provides in the default scope, or an instance',
      );
    }
    return { instance: wrapper.instance as object, wrapper };
  }
}
