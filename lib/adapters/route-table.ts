import { match, parse, type MatchFunction } from 'path-to-regexp';
import { InvalidHandlerError } from '../errors/invalid-handler.error.js';
import { InvalidOptionError } from '../errors/invalid-option.error.js';
import { canonicalPath, encodePath } from '../server/handshake/canonical-path.js';
import type { ServerSession } from '../server/server-session.js';

/** The parameters that a path pattern found. */
export type PathParams = Readonly<Record<string, string | string[]>>;

/** A server for a path, with the path's parameters. */
export interface Route {
  server: ServerSession;
  params: PathParams;
}

interface PatternRoute {
  server: ServerSession;
  matches: MatchFunction<Record<string, string | string[]>>;
}

const NO_PARAMS: PathParams = Object.freeze(Object.create(null) as PathParams);

/** The servers of one port by their paths (reference 1.7). */
export class RouteTable {
  readonly #exact = new Map<string, ServerSession>();
  readonly #patterns: PatternRoute[] = [];
  #pathless: ServerSession | undefined;

  /** The server without a path. */
  get pathless(): ServerSession | undefined {
    return this.#pathless;
  }

  /** All servers of the port. */
  *servers(): Generator<ServerSession> {
    yield* this.#exact.values();
    for (const { server } of this.#patterns) yield server;
    if (this.#pathless !== undefined) yield this.#pathless;
  }

  /**
   * @throws {InvalidHandlerError} if the server's path, or the place of the server without one, is taken
   * @throws {InvalidOptionError} if its path is no pattern of path-to-regexp
   */
  add(server: ServerSession): void {
    const { path } = server;
    if (path === undefined) {
      if (this.#pathless !== undefined) throw taken(server, this.#pathless);
      this.#pathless = server;
      return;
    }
    const exact = exactPath(server, path);
    if (exact === undefined) {
      const other = this.#patterns.find((route) => route.server.path === path);
      if (other !== undefined) throw taken(server, other.server);
      this.#patterns.push({ server, matches: match(path, { sensitive: true, trailing: false, encodePath }) });
    } else {
      const other = this.#exact.get(exact);
      if (other !== undefined) throw taken(server, other);
      this.#exact.set(exact, server);
    }
  }

  delete(server: ServerSession): void {
    if (this.#pathless === server) this.#pathless = undefined;
    for (const [path, other] of this.#exact) if (other === server) this.#exact.delete(path);
    const index = this.#patterns.findIndex((route) => route.server === server);
    if (index !== -1) this.#patterns.splice(index, 1);
  }

  /**
   * The server with exactly this path, or else the first whose pattern matches.
   *
   * @throws {URIError} for a path that is not well-formed percent-encoding
   */
  find(pathname: string): Route | undefined {
    const path = canonicalPath(pathname);
    const server = this.#exact.get(path);
    if (server !== undefined) return { server, params: NO_PARAMS };
    for (const route of this.#patterns) {
      const found = route.matches(path);
      if (found !== false) return { server: route.server, params: found.params };
    }
    return undefined;
  }

  /** The server that takes what nobody else takes. */
  findPathless(): Route | undefined {
    return this.#pathless === undefined ? undefined : { server: this.#pathless, params: NO_PARAMS };
  }
}

/** The one path that a declared path stands for, as requests are compared with it; undefined for a pattern. */
function exactPath(server: ServerSession, path: string): string | undefined {
  try {
    let exact = '';
    for (const token of parse(path).tokens) {
      if (token.type !== 'text') return undefined;
      exact += token.value;
    }
    return encodePath(exact);
  } catch (error) {
    throw new InvalidOptionError(
      server.name,
      'path',
      path,
      `a path or a pattern of path-to-regexp (${(error as Error).message})`,
    );
  }
}

function taken(server: ServerSession, other: ServerSession): InvalidHandlerError {
  const port = server.options.port === undefined ? "the application's port" : `port ${server.options.port}`;
  return new InvalidHandlerError(
    server.name,
    server.path === undefined
      ? `${other.name} is a server without a path on ${port} already; give one of them a path`
      : `${other.name} serves the path ${server.path} on ${port} already; give one of them another path`,
  );
}
