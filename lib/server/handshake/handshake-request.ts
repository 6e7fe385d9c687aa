import type { IncomingMessage } from 'node:http';
import type { HandshakeRequest } from '../../interfaces/index.js';

type Values = Record<string, string | string[]>;

/** Adds a value to a list of names; a second value of a name makes an array. */
function addValue(values: Values, name: string, value: string): void {
  const present = values[name];
  if (present === undefined) values[name] = value;
  else if (typeof present === 'string') values[name] = [present, value];
  else present.push(value);
}

/**
 * The request of a handshake over Node's own. It lives as long as its connection, so it reads headers and query
 * from Node's request when they are asked for, and keeps no copy before.
 */
export class LazyHandshakeRequest implements HandshakeRequest {
  #headers: Values | undefined;
  #query: Values | undefined;
  #data: object | undefined;

  /** @param params a wildcard's is an array, which its handler's types say */
  constructor(
    readonly raw: IncomingMessage,
    params: Readonly<Values>,
    readonly remoteAddress: string,
  ) {
    this.params = params as Readonly<Record<string, string>>;
  }

  readonly params: Readonly<Record<string, string>>;

  /** Made when it is first asked for: most connections keep nothing. */
  get data(): object {
    this.#data ??= {};
    return this.#data;
  }

  /** Goes on with what the application keeps already; what was written to this request's own is added to it. */
  keep(data: object): void {
    this.#data = Object.assign(data, this.#data);
  }

  get url(): string {
    return this.raw.url ?? '';
  }

  get headers(): Readonly<Values> {
    if (this.#headers === undefined) {
      const headers: Values = Object.create(null) as Values;
      const { rawHeaders } = this.raw;
      for (let index = 0; index < rawHeaders.length; index += 2) {
        addValue(headers, rawHeaders[index]!.toLowerCase(), rawHeaders[index + 1]!);
      }
      this.#headers = headers;
    }
    return this.#headers;
  }

  get query(): Readonly<Values> {
    if (this.#query === undefined) {
      const query: Values = Object.create(null) as Values;
      const start = this.url.indexOf('?');
      if (start !== -1) {
        for (const [name, value] of new URLSearchParams(this.url.slice(start + 1)))
          addValue(query, name, value);
      }
      this.#query = query;
    }
    return this.#query;
  }
}
