import { createDeflateRaw, createInflateRaw, type Zlib, type ZlibOptions } from 'node:zlib';
import type { InvalidOptionError } from '../errors/invalid-option.error.js';
import type {
  DataType,
  HandshakeMiddleware,
  HeartbeatOptions,
  HistoryBounds,
  HistoryOptions,
  PerMessageDeflateOptions,
  ServerOptions,
} from '../interfaces/index.js';
import { declaredPath } from './handshake/canonical-path.js';
import { clientAddress, type ClientAddress } from './handshake/client-address.js';
import type { HandshakeOptions } from './handshake/handshakes.js';
import {
  resolveHandshakeRate,
  resolveMaxTopics,
  resolveMessageRate,
  resolveShutdownSpread,
} from './limit-options.js';
import type { MessageLimit } from './message-rate.js';
import { MAX_BYTES, MAX_TIMEOUT, namesOf, OptionCheck } from './option-check.js';
import type { InboxLimits } from './socket/inbox.js';
import { BEARER_PREFIX, V1_PROTOCOL } from '../protocol/sub-protocol.js';

/** The defaults of reference 8. */
export const DEFAULT_OPTIONS = {
  dataType: 'text',
  maxPayload: 1024 * 1024,
  maxFragments: 16 * 1024,
  handshakeTimeout: 10_000,
  heartbeat: { interval: 30_000, timeout: 10_000 },
  closeTimeout: 5_000,
  shutdownTimeout: 10_000,
  maxQueuedMessages: 64,
  maxQueuedBytes: 4 * 1024 * 1024,
  refusals: 'http',
  history: { messages: 1000, age: 300_000 },
  maxBufferedAmount: 16 * 1024 * 1024,
} as const;

/** The options of a server: complete, checked, and compiled to what is needed at run time. */
export interface ResolvedServerOptions extends HandshakeOptions, InboxLimits {
  readonly path: string | undefined;
  readonly port: number | undefined;
  readonly dataType: DataType;
  readonly heartbeat: { readonly interval: number; readonly timeout: number } | false;
  readonly shutdownTimeout: number;
  /** Milliseconds over which a shutdown closes connections. */
  readonly shutdownSpread: number;
  readonly messageRate: MessageLimit | undefined;
  readonly maxTopics: number;
  readonly refreshKey: ServerOptions['refreshKey'];
  readonly maxBufferedAmount: number;
  /** The topics that remember; undefined if none do. */
  readonly history: { readonly topics: readonly string[]; readonly bounds: HistoryBounds } | undefined;
  /** Whether it takes part in the module's backplane. */
  readonly backplane: boolean;
}

/** The names of a server's options. */
export const OPTION_NAMES = namesOf<ServerOptions>({
  path: true,
  port: true,
  dataType: true,
  maxPayload: true,
  maxFragments: true,
  maxConnections: true,
  allowedOrigins: true,
  trustProxy: true,
  protocols: true,
  handshakeTimeout: true,
  handshake: true,
  heartbeat: true,
  closeTimeout: true,
  shutdownTimeout: true,
  maxQueuedMessages: true,
  maxQueuedBytes: true,
  maxBufferedAmount: true,
  perMessageDeflate: true,
  refusals: true,
  history: true,
  resume: true,
  backplane: true,
  handshakeRate: true,
  messageRate: true,
  shutdownSpread: true,
  maxTopics: true,
  refreshKey: true,
});
/** The options of a module: a path and a port are one server's. */
export const DEFAULTS_NAMES: ReadonlySet<string> = new Set(
  [...OPTION_NAMES].filter((name) => !['path', 'port', 'backplane'].includes(name)),
);
const HISTORY_NAMES = namesOf<HistoryOptions>({ topics: true, messages: true, age: true });
const HEARTBEAT_NAMES = namesOf<HeartbeatOptions>({ interval: true, timeout: true });
const HANDSHAKE_NAMES = namesOf<NonNullable<ServerOptions['handshake']>>({ use: true });
const ZLIB_NAMES = namesOf<ZlibOptions>({
  flush: true,
  finishFlush: true,
  chunkSize: true,
  windowBits: true,
  level: true,
  memLevel: true,
  strategy: true,
  dictionary: true,
  info: true,
  maxOutputLength: true,
});
const DEFLATE_NAMES = namesOf<PerMessageDeflateOptions>({
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  serverMaxWindowBits: true,
  clientMaxWindowBits: true,
  zlibDeflateOptions: true,
  zlibInflateOptions: true,
  threshold: true,
  concurrencyLimit: true,
});

/**
 * Completes and checks a server's options.
 *
 * @param owner whose options they are, for the error
 * @param names the options that there are
 * @throws {InvalidOptionError} that names the owner, the option and its value
 */
export function resolveServerOptions(
  options: ServerOptions,
  owner: string,
  names: ReadonlySet<string> = OPTION_NAMES,
): ResolvedServerOptions {
  const check = new OptionCheck(owner);
  check.object('options', options);
  check.names(options, names);
  const { path, port, refusals = DEFAULT_OPTIONS.refusals, dataType = DEFAULT_OPTIONS.dataType } = options;
  if (path !== undefined && typeof path !== 'string') throw check.error('path', path, 'a string');
  if (!['text', 'blob', 'object'].includes(dataType)) {
    throw check.error('dataType', dataType, "'text', 'blob' or 'object'");
  }
  if (refusals !== 'http' && refusals !== 'close')
    throw check.error('refusals', refusals, "'http' or 'close'");
  if (port !== undefined) check.integer('port', port, 1, 65535);
  const number = (
    name: keyof typeof DEFAULT_OPTIONS & keyof ServerOptions,
    least: number,
    most: number,
  ): number => {
    const value = options[name] === undefined ? DEFAULT_OPTIONS[name] : options[name];
    return check.integer(name, value, least, most);
  };
  const shutdownTimeout = number('shutdownTimeout', 1, MAX_TIMEOUT);
  return {
    path: path === undefined || path === '' ? undefined : declaredPath(path),
    port,
    dataType,
    maxPayload: number('maxPayload', 1, MAX_BYTES),
    maxFragments: number('maxFragments', 1, MAX_BYTES),
    maxConnections:
      options.maxConnections === undefined || options.maxConnections === Infinity
        ? Infinity
        : check.integer('maxConnections', options.maxConnections, 0, MAX_BYTES),
    allowsOrigin: compileOrigins(options.allowedOrigins, check),
    clientAddress: compileClientAddress(options.trustProxy, check),
    protocols: checkProtocols(options.protocols, check),
    handshakeTimeout: number('handshakeTimeout', 1, MAX_TIMEOUT),
    middleware: checkMiddleware(options.handshake, check),
    heartbeat: resolveHeartbeat(options.heartbeat, check),
    closeTimeout: number('closeTimeout', 1, MAX_TIMEOUT),
    shutdownTimeout,
    shutdownSpread: resolveShutdownSpread(options.shutdownSpread, shutdownTimeout, check),
    handshakeRate: resolveHandshakeRate(options.handshakeRate, check),
    messageRate: resolveMessageRate(options.messageRate, check),
    maxTopics: resolveMaxTopics(options.maxTopics, check),
    refreshKey: checkRefreshKey(options.refreshKey, check),
    maxQueuedMessages: number('maxQueuedMessages', 1, MAX_BYTES),
    maxQueuedBytes: number('maxQueuedBytes', 1, Number.MAX_SAFE_INTEGER),
    maxBufferedAmount: number('maxBufferedAmount', 1, Number.MAX_SAFE_INTEGER),
    perMessageDeflate: checkDeflate(options.perMessageDeflate, check),
    refusals,
    history: resolveHistory(options.history, check),
    resume: checkResume(options.resume, check),
    backplane: checkBackplane(options.backplane, check),
  };
}

function checkRefreshKey(refreshKey: unknown, check: OptionCheck): ServerOptions['refreshKey'] {
  if (refreshKey === undefined || typeof refreshKey === 'function')
    return refreshKey as ServerOptions['refreshKey'];
  throw check.error(
    'refreshKey',
    refreshKey,
    'a function of the request, such as (request) => request.raw.user.id',
  );
}

function resolveHeartbeat(
  heartbeat: ServerOptions['heartbeat'],
  check: OptionCheck,
): ResolvedServerOptions['heartbeat'] {
  if (heartbeat === false) return false;
  if (heartbeat !== undefined) {
    check.object('heartbeat', heartbeat);
    check.names(heartbeat, HEARTBEAT_NAMES, 'heartbeat.');
  }
  const { interval = DEFAULT_OPTIONS.heartbeat.interval, timeout = DEFAULT_OPTIONS.heartbeat.timeout } =
    heartbeat ?? {};
  return {
    interval: check.integer('heartbeat.interval', interval, 1, MAX_TIMEOUT),
    timeout: check.integer('heartbeat.timeout', timeout, 1, MAX_TIMEOUT),
  };
}

/** A year. */
const MAX_AGE = 365 * 24 * 60 * 60 * 1000;

function resolveHistory(
  history: ServerOptions['history'],
  check: OptionCheck,
): ResolvedServerOptions['history'] {
  if (history === undefined || history === false) return undefined;
  check.object('history', history);
  check.names(history, HISTORY_NAMES, 'history.');
  const { topics, messages = DEFAULT_OPTIONS.history.messages, age = DEFAULT_OPTIONS.history.age } = history;
  const patterns: readonly unknown[] = Array.isArray(topics) ? topics : [topics];
  if (patterns.length === 0 || !patterns.every((each) => typeof each === 'string' && each !== '')) {
    throw check.error('history.topics', topics, "a topic, a pattern such as 'room:*', or an array of them");
  }
  return {
    topics: patterns as readonly string[],
    bounds: {
      messages: check.integer('history.messages', messages, 1, 1_000_000),
      age: check.integer('history.age', age, 1, MAX_AGE),
    },
  };
}

function checkResume(resume: unknown, check: OptionCheck): boolean {
  if (resume === undefined) return true;
  if (typeof resume !== 'boolean') throw check.error('resume', resume, 'a boolean');
  return resume;
}

function compileOrigins(
  allowed: ServerOptions['allowedOrigins'],
  check: OptionCheck,
): ResolvedServerOptions['allowsOrigin'] {
  if (allowed === undefined) return undefined;
  if (typeof allowed === 'function') return allowed;
  const list = Array.isArray(allowed)
    ? (allowed as readonly (string | RegExp)[])
    : [allowed as string | RegExp];
  if (!list.every((item) => typeof item === 'string' || item instanceof RegExp)) {
    throw check.error('allowedOrigins', allowed, 'strings, RegExps, or a function');
  }
  return (origin) =>
    list.some((item) => {
      if (typeof item === 'string') return item === origin;
      // A global or sticky pattern remembers where it stopped; each origin is a new text.
      item.lastIndex = 0;
      return item.test(origin);
    });
}

function compileClientAddress(trustProxy: ServerOptions['trustProxy'], check: OptionCheck): ClientAddress {
  const invalid = (): InvalidOptionError =>
    check.error('trustProxy', trustProxy, 'a boolean, a number of hops, addresses or subnets, or a function');
  if (typeof trustProxy === 'number') check.integer('trustProxy', trustProxy, 0, 255);
  else if (trustProxy !== undefined && !['boolean', 'string', 'function'].includes(typeof trustProxy)) {
    if (!Array.isArray(trustProxy)) throw invalid();
  }
  try {
    return clientAddress(trustProxy);
  } catch {
    throw invalid();
  }
}

/** A token of RFC 7230, which a sub-protocol's name must be (RFC 6455, section 4.1). */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

function isProtocol(name: unknown): boolean {
  return (
    typeof name === 'string' &&
    TOKEN.test(name) &&
    !name.startsWith(BEARER_PREFIX) &&
    !name.startsWith(V1_PROTOCOL)
  );
}

function checkProtocols(protocols: ServerOptions['protocols'], check: OptionCheck): readonly string[] {
  if (protocols === undefined) return [];
  if (!Array.isArray(protocols) || !protocols.every(isProtocol)) {
    const expected = `an array of sub-protocol names; none begins with "${BEARER_PREFIX}" or "${V1_PROTOCOL}", which are ours`;
    throw check.error('protocols', protocols, expected);
  }
  return protocols as readonly string[];
}

function checkMiddleware(
  handshake: ServerOptions['handshake'],
  check: OptionCheck,
): readonly HandshakeMiddleware[] {
  if (handshake === undefined) return [];
  if (typeof handshake !== 'object' || handshake === null) {
    throw check.error('handshake', handshake, '{ use: [...] }');
  }
  check.names(handshake, HANDSHAKE_NAMES, 'handshake.');
  const use: unknown = handshake.use;
  if (!Array.isArray(use) || !use.every((each) => typeof each === 'function')) {
    throw check.error('handshake.use', use, 'an array of middleware functions');
  }
  return use as readonly HandshakeMiddleware[];
}

function checkDeflate(
  deflate: ServerOptions['perMessageDeflate'],
  check: OptionCheck,
): boolean | PerMessageDeflateOptions {
  if (deflate === undefined) return false;
  if (typeof deflate === 'boolean') return deflate;
  check.object('perMessageDeflate', deflate);
  check.names(deflate, DEFLATE_NAMES, 'perMessageDeflate.');
  for (const name of ['serverNoContextTakeover', 'clientNoContextTakeover'] as const) {
    const value: unknown = deflate[name];
    if (value !== undefined && typeof value !== 'boolean') {
      throw check.error(`perMessageDeflate.${name}`, value, 'a boolean');
    }
  }
  const ranges = {
    serverMaxWindowBits: [8, 15],
    clientMaxWindowBits: [8, 15],
    threshold: [0, MAX_BYTES],
    concurrencyLimit: [1, MAX_BYTES],
  } as const;
  for (const [name, [least, most]] of Object.entries(ranges)) {
    const value = deflate[name as keyof typeof ranges];
    if (value !== undefined) check.integer(`perMessageDeflate.${name}`, value, least, most);
  }
  checkZlib('zlibDeflateOptions', deflate.zlibDeflateOptions, createDeflateRaw, check);
  checkZlib('zlibInflateOptions', deflate.zlibInflateOptions, createInflateRaw, check);
  return deflate;
}

/** Only zlib knows what it takes; it would say so when the first message comes. */
function checkZlib(
  name: 'zlibDeflateOptions' | 'zlibInflateOptions',
  options: ZlibOptions | undefined,
  create: (options: ZlibOptions) => Zlib,
  check: OptionCheck,
): void {
  if (options === undefined) return;
  check.object(`perMessageDeflate.${name}`, options);
  check.names(options, ZLIB_NAMES, `perMessageDeflate.${name}.`);
  try {
    create(options).close();
  } catch (error) {
    throw check.error(
      `perMessageDeflate.${name}`,
      options,
      `options that zlib takes (${(error as Error).message})`,
    );
  }
}

function checkBackplane(backplane: unknown, check: OptionCheck): boolean {
  if (backplane === undefined || backplane === false) return backplane !== false;
  throw check.error(
    'backplane',
    backplane,
    'false; all servers share the one of FourDWebSocketModule.forRoot()',
  );
}
