import { match, parse, type MatchFunction } from 'path-to-regexp';
import { InvalidHandlerError } from '../errors/invalid-handler.error.js';
import { InvalidOptionError } from '../errors/invalid-option.error.js';
import { normalizePath } from '../server/server-options.js';
import type { WebSocketServer } from '../server/web-socket-server.js';

/** The parameters that a path pattern found. */
export type PathParams = Readonly<Record<string, string | string[]>>;

/** A server for a path, with the path's parameters. */
export interface Route {
  server: WebSocketServer;
  params: PathParams;
}

interface PatternRoute {
  server: WebSocketServer;
  matches: MatchFunction<Record<string, string | string[]>>;
}

const NO_PARAMS: PathParams = Object.freeze(Object.create(null) as PathParams);

/** The servers of one port by their paths (SPEC 1.7). */
export class RouteTable {
  readonly #exact = new Map<string, WebSocketServer>();
  readonly #patterns: PatternRoute[] = [];
  #pathless: WebSocketServer | undefined;

  /** The server without a path. */
  get pathless(): WebSocketServer | undefined {
    return this.#pathless;
  }

  /** All servers of the port. */
  *servers(): Generator<WebSocketServer> {
    yield* this.#exact.values();
    for (const { server } of this.#patterns) yield server;
    if (this.#pathless !== undefined) yield this.#pathless;
  }

  /**
   * @throws {InvalidHandlerError} if the server's path, or the place of the server without one, is taken
   * @throws {InvalidOptionError} if its path is no pattern of path-to-regexp
   */
  add(server: WebSocketServer): void {
    const { path } = server;
    if (path === undefined) {
      if (this.#pathless !== undefined) throw taken(server, this.#pathless);
      this.#pathless = server;
      return;
    }
    for (const other of this.servers()) if (other.path === path) throw taken(server, other);
    if (isExact(server, path)) this.#exact.set(path, server);
    else this.#patterns.push({ server, matches: match(path, { sensitive: true }) });
  }

  delete(server: WebSocketServer): void {
    if (this.#pathless === server) this.#pathless = undefined;
    if (server.path !== undefined && this.#exact.get(server.path) === server) this.#exact.delete(server.path);
    const index = this.#patterns.findIndex((route) => route.server === server);
    if (index !== -1) this.#patterns.splice(index, 1);
  }

  /**
   * The server with exactly this path, or else the first whose pattern matches.
   *
   * @throws {URIError} for a parameter that is not well-formed percent-encoding
   */
  find(pathname: string): Route | undefined {
    const server = this.#exact.get(normalizePath(pathname));
    if (server !== undefined) return { server, params: NO_PARAMS };
    for (const route of this.#patterns) {
      const found = route.matches(pathname);
      if (found !== false) return { server: route.server, params: found.params };
    }
    return undefined;
  }

  /** The server that takes what nobody else takes. */
  findPathless(): Route | undefined {
    return this.#pathless === undefined ? undefined : { server: this.#pathless, params: NO_PARAMS };
  }
}

function isExact(server: WebSocketServer, path: string): boolean {
  try {
    return parse(path).tokens.every((token) => token.type === 'text');
  } catch (error) {
    throw new InvalidOptionError(
      server.name,
      'path',
      path,
      `a path or a pattern of path-to-regexp (${(error as Error).message})`,
    );
  }
}

function taken(server: WebSocketServer, other: WebSocketServer): InvalidHandlerError {
  const port = server.options.port === undefined ? "the application's port" : `port ${server.options.port}`;
  return new InvalidHandlerError(
    server.name,
    server.path === undefined
      ? `${other.name} is a server without a path on ${port} already; give one of them a path`
      : `${other.name} serves the path ${server.path} on ${port} already; give one of them another path`,
  );
}
