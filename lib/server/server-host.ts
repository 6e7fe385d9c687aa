import type { ServerSession } from './server-session.js';

/** Who gives servers their upgrade requests: what the rooms above need to know of the HTTP side. */
export abstract class ServerHost {
  /** Whether the application has an HTTP server at all; a standalone application has none. */
  abstract get available(): boolean;

  /**
   * Routes requests to a server from now on.
   *
   * @throws {InvalidHandlerError} if its path is taken on its port
   */
  abstract serve(server: ServerSession): void;

  /** The application is shutting down: its servers keep their requests, and refuse them, until {@link ServerHost.close}. */
  abstract beginClosing(): void;

  /** Routes no more requests to a server. */
  abstract withdraw(server: ServerSession): void;

  /** Listens on the ports that servers have of their own; rejects if one is taken. */
  abstract listen(): Promise<void>;

  /** Closes the ports that servers have of their own, and lets go of the application's HTTP server. */
  abstract close(): Promise<void>;
}
