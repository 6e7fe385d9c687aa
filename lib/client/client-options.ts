import { contractBehind, type AnyContract } from '../contract/contract.js';
import type { DataType } from '../interfaces/data-type.js';
import { isArrayOf, isText } from '../protocol/frame.js';
import type { ClientDisconnectEvent } from './events.js';
import { isObject } from './describe.js';
import { BOOLEAN, callable, check, TEXT, whole, type Rule, type Rules } from './rule.js';

/** A value, or a promise of one. */
type Awaitable<T> = T | PromiseLike<T>;

/** Where to connect to: a URL, or a function that is asked for one before each attempt (reference 15.2). */
export type ClientUrl = string | URL | (() => Awaitable<string | URL>);

/** How a lost connection is had again (reference 15.4). Times are in milliseconds. */
export interface ReconnectOptions {
  /** The least time before an attempt. @default 500 */
  minDelay?: number;
  /** What the time before an attempt, which doubles with each one, may grow to. @default 30000 */
  maxDelay?: number;
  /** After so many attempts in a row without a connection the client gives up. @default Infinity */
  maxAttempts?: number;
  /** Decides instead of the close code whether there is another attempt. What is no boolean decides nothing, and is an error. */
  retry?: (event: ClientDisconnectEvent) => boolean;
}

/** How a client notices a server that says nothing (reference 15.4). */
export interface HeartbeatOptions {
  /** After so many milliseconds without a word from the server, not even a ping, it is asked for one. @default 40000 */
  interval?: number;
  /** Milliseconds that it may take to answer. @default 10000 */
  timeout?: number;
}

/** Where positions are kept: `sessionStorage`, `localStorage`, or what has two methods of theirs. */
export interface ResumeStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** How a client that comes back gets what it missed (reference 16.4). */
export interface ResumeOptions {
  /**
   * Where positions are kept that outlive the page: those of the messages that `onMessage` has finished with. What was under way when the
   * page went comes again. @default none: positions are in memory
   */
  storage?: ResumeStorage;
  /** By which name. Clients of one server in one page need different ones. @default made of the URL without its query */
  key?: string;
}

/** The options of a client (reference 15.2). Times are in milliseconds. */
export interface ClientOptions {
  /** Whether and how a lost connection is had again. `false`: the client ends with its connection. @default true */
  reconnect?: boolean | ReconnectOptions;
  /** Asked for a token before each attempt (reference 15.6). What is empty or undefined is not sent. */
  token?: () => Awaitable<string | undefined>;
  /** Whether `send` keeps messages while there is no connection; `false` drops them (reference 15.5). @default true */
  buffer?: boolean;
  /** How many bytes it may keep. @default 1048576 */
  maxBufferedAmount?: number;
  /** An attempt that takes longer has failed. @default 10000 */
  connectTimeout?: number;
  /** Sub-protocols to offer, the preferred first. @default none */
  protocols?: readonly string[];
  /**
   * Whether the client offers the sub-protocol of topics that remember, and gets what it missed of them when it comes back
   * (reference 16.4). Servers that are not of this package, and choose no sub-protocol, need `false`. @default true
   */
  resume?: boolean | ResumeOptions;
  /**
   * How a server that says nothing is noticed; `false` turns it off. Browsers don't let a page see pings: there a server with
   * the sub-protocol of `resume` says itself how often it speaks, instead of `interval`, and with others it has no effect.
   *
   * @default { interval: 40000, timeout: 10000 }
   */
  heartbeat?: HeartbeatOptions | false;
}

/**
 * The options of a client without a contract. It says so, lest the compiler takes the parameters of a contract client's hooks for
 * those of another.
 */
export interface PlainClientOptions extends ClientOptions {
  contract?: undefined;
}

/** The options of a client with a contract. */
export interface ContractClientOptions<C> extends ClientOptions {
  /**
   * What both ends say to each other: the handler has a method for each of its `sends` and `asks`, in the place of `onMessage`
   * (reference 17). The `dataType` is `'object'`.
   */
  contract: C & AnyContract;
}

/** A client's options, complete and checked. */
export interface ResolvedClientOptions {
  readonly url: () => Awaitable<string>;
  readonly dataType: DataType;
  readonly headers: Readonly<Record<string, string | readonly string[]>> | undefined;
  readonly reconnect: (Required<Omit<ReconnectOptions, 'retry'>> & Pick<ReconnectOptions, 'retry'>) | false;
  readonly token: (() => Awaitable<unknown>) | undefined;
  readonly buffer: boolean;
  readonly maxBufferedAmount: number;
  readonly connectTimeout: number;
  readonly protocols: readonly string[];
  readonly resume: ResumeOptions | false;
  readonly heartbeat: Required<HeartbeatOptions> | false;
  readonly contract: AnyContract | undefined;
}

/** What `setTimeout` takes; beyond it fires at once. */
export const MAX_DELAY = 2 ** 31 - 1;

/** A token of RFC 9110, which a sub-protocol's name must be. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

const OBJECT: Rule = [
  undefined,
  (value) => isObject(value) && !callable[1](value) && !Array.isArray(value),
  'an object',
];

const HANDLER: Rules = {
  dataType: [
    'text',
    (value) => ['text', 'blob', 'object'].includes(value as string),
    "'text', 'blob' or 'object'",
  ],
  headers: OBJECT,
  onOpen: callable,
  onMessage: callable,
  onError: callable,
  onDisconnect: callable,
  onResume: callable,
  onTerminate: callable,
};

const OPTIONS: Rules = {
  contract: [undefined, (value) => !!contractBehind(value), 'what defineContract() returned'],
  reconnect: {
    minDelay: whole(500, 1, MAX_DELAY),
    maxDelay: whole(30_000, 1, MAX_DELAY),
    maxAttempts: whole(Infinity, 0, Infinity),
    retry: callable,
  },
  token: callable,
  buffer: BOOLEAN,
  maxBufferedAmount: whole(2 ** 20, 0, Infinity),
  connectTimeout: whole(10_000, 1, MAX_DELAY),
  protocols: [
    [],
    (value) =>
      isArrayOf((name) => isText(name) && TOKEN.test(name as string))(value) &&
      new Set(value as string[]).size === (value as string[]).length,
    'an array of different sub-protocol names',
  ],
  resume: {
    storage: [
      undefined,
      (value) => ['getItem', 'setItem'].every((name) => callable[1](Object(value)[name])),
      'a Storage',
    ],
    key: TEXT,
  },
  heartbeat: {
    interval: whole(40_000, 1, MAX_DELAY),
    timeout: whole(10_000, 1, MAX_DELAY),
  },
};

/**
 * Completes and checks what a client is made with (reference 15.8).
 *
 * @param checkHeaders throws for headers that can not be sent
 * @throws {TypeError} for what is of a wrong type, or an option that there is none of
 * @throws {RangeError} for a number out of range
 */
export function resolveOptions(
  url: unknown,
  handler: unknown,
  options: unknown,
  checkHeaders: (headers: object) => void,
): ResolvedClientOptions {
  if (typeof url !== 'function') webSocketUrl(url);
  const resolved = {
    url: async () => webSocketUrl(typeof url === 'function' ? await url() : url),
    ...values('handler', handler, HANDLER),
    ...values('options', options, OPTIONS, ''),
  } as unknown as ResolvedClientOptions;
  const { headers, reconnect, contract } = resolved;
  if (contract) {
    (resolved as { dataType: DataType }).dataType = 'object';
    for (const [name, { kind }] of contractBehind(contract)!.members)
      if (kind === 'sends' || kind === 'asks') check(callable, `handler.${name}`, Object(handler)[name]);
  }
  if (headers) checkHeaders(headers);
  if (reconnect) check(whole(0, reconnect.minDelay, MAX_DELAY), 'reconnect.maxDelay', reconnect.maxDelay);
  return resolved;
}

/**
 * @returns the URL as a ws: or wss: one, without a fragment
 * @throws {TypeError} for what is none
 */
function webSocketUrl(given: unknown): string {
  let url: Partial<URL> = {};
  try {
    url = new URL(String(given).replace(/^http/i, 'ws'));
    url.hash = '';
  } catch {
    // Not a URL: it has no protocol.
  }
  check(
    [undefined, () => /^wss?:/.test(url.protocol!), 'an absolute ws:, wss:, http: or https: URL'],
    'url',
    given,
  );
  return url.href!;
}

/**
 * The values of the rules' names, complete and checked.
 *
 * @param prefix of the names in errors; without one the object may have other members
 */
function values(name: string, given: unknown = {}, rules: Rules, prefix?: string): Record<string, unknown> {
  check(OBJECT, name, given);
  const options = given as Record<string, unknown>;
  for (const option of Object.keys(options)) {
    if (prefix === undefined || option in rules) continue;
    throw new TypeError(
      `FourDWebSocket: there is no option "${prefix}${option}"; did you mean "${nearest(option, Object.keys(rules))}"?`,
    );
  }
  const resolved: Record<string, unknown> = {};
  for (const [option, rule] of Object.entries(rules)) {
    let value = options[option];
    if (!Array.isArray(rule))
      value =
        value !== false &&
        values(option, value === true && option !== 'heartbeat' ? {} : value, rule as Rules, `${option}.`);
    else if (value === undefined) [value] = rule as Rule;
    else check(rule as Rule, (prefix ?? '') + option, value);
    resolved[option] = value;
  }
  return resolved;
}

/** The name of which most pairs of letters are in another. */
function nearest(name: string, names: readonly string[]): string {
  const likeness = (other: string) =>
    [...other].filter((_, index) => name.includes(other.slice(index, index + 2))).length / other.length;
  return names.reduce((best, other) => (likeness(other) > likeness(best) ? other : best));
}
