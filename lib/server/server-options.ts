import type { IncomingMessage } from 'node:http';
import { InvalidOptionError } from '../errors/invalid-option.error.js';
import type {
  DataType,
  HandshakeMiddleware,
  PerMessageDeflateOptions,
  ServerOptions,
} from '../interfaces/index.js';
import { clientAddress, type ClientAddress } from './client-address.js';

const MAX_TIMEOUT = 2 ** 31 - 1;
const MAX_BYTES = 2 ** 31 - 1;

/** The defaults of SPEC 8. */
export const DEFAULT_OPTIONS = {
  dataType: 'text',
  maxPayload: 1024 * 1024,
  handshakeTimeout: 10_000,
  heartbeat: { interval: 30_000, timeout: 10_000 },
  closeTimeout: 5_000,
  shutdownTimeout: 10_000,
  maxQueuedMessages: 64,
  maxBufferedAmount: 16 * 1024 * 1024,
} as const;

/** The options of a server: complete, checked, and compiled to what is needed at run time. */
export interface ResolvedServerOptions {
  readonly path: string | undefined;
  readonly port: number | undefined;
  readonly dataType: DataType;
  readonly maxPayload: number;
  readonly maxConnections: number;
  readonly allowsOrigin: ((origin: string, request: IncomingMessage) => boolean) | undefined;
  readonly clientAddress: ClientAddress;
  readonly protocols: readonly string[];
  readonly handshakeTimeout: number;
  readonly middleware: readonly HandshakeMiddleware[];
  readonly heartbeat: { readonly interval: number; readonly timeout: number } | false;
  readonly closeTimeout: number;
  readonly shutdownTimeout: number;
  readonly maxQueuedMessages: number;
  readonly maxBufferedAmount: number;
  readonly perMessageDeflate: boolean | PerMessageDeflateOptions;
  /** Whether it takes part in the module's backplane. */
  readonly backplane: boolean;
}

/**
 * Completes and checks a server's options.
 *
 * @param owner whose options they are, for the error
 * @throws {InvalidOptionError} that names the owner, the option and its value
 */
export function resolveServerOptions(options: ServerOptions, owner: string): ResolvedServerOptions {
  const check = new OptionCheck(owner);
  const { path, port, dataType = DEFAULT_OPTIONS.dataType } = options;
  if (path !== undefined && typeof path !== 'string') throw check.error('path', path, 'a string');
  if (!['text', 'blob', 'object'].includes(dataType)) {
    throw check.error('dataType', dataType, "'text', 'blob' or 'object'");
  }
  if (port !== undefined) check.integer('port', port, 1, 65535);
  const number = (
    name: keyof typeof DEFAULT_OPTIONS & keyof ServerOptions,
    least: number,
    most: number,
  ): number => {
    const value = options[name] ?? DEFAULT_OPTIONS[name];
    return check.integer(name, value, least, most);
  };
  return {
    path: path === undefined || path === '' ? undefined : normalizePath(path),
    port,
    dataType,
    maxPayload: number('maxPayload', 1, MAX_BYTES),
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
    shutdownTimeout: number('shutdownTimeout', 1, MAX_TIMEOUT),
    maxQueuedMessages: number('maxQueuedMessages', 1, MAX_BYTES),
    maxBufferedAmount: number('maxBufferedAmount', 1, Number.MAX_SAFE_INTEGER),
    perMessageDeflate: checkDeflate(options.perMessageDeflate, check),
    backplane: checkBackplane(options.backplane, check),
  };
}

/** One leading slash, none at the end. */
export function normalizePath(path: string): string {
  return `/${path.replace(/^\/+|\/+$/g, '')}`;
}

class OptionCheck {
  constructor(private readonly owner: string) {}

  error(option: string, value: unknown, expected: string): InvalidOptionError {
    return new InvalidOptionError(this.owner, option, value, expected);
  }

  integer(option: string, value: unknown, least: number, most: number): number {
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    throw this.error(option, value, `an integer from ${least} to ${most}`);
  }
}

function resolveHeartbeat(
  heartbeat: ServerOptions['heartbeat'],
  check: OptionCheck,
): ResolvedServerOptions['heartbeat'] {
  if (heartbeat === false) return false;
  if (heartbeat !== undefined && (typeof heartbeat !== 'object' || heartbeat === null)) {
    throw check.error('heartbeat', heartbeat, 'false or { interval, timeout }');
  }
  const { interval, timeout } = { ...DEFAULT_OPTIONS.heartbeat, ...heartbeat };
  return {
    interval: check.integer('heartbeat.interval', interval, 1, MAX_TIMEOUT),
    timeout: check.integer('heartbeat.timeout', timeout, 1, MAX_TIMEOUT),
  };
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

function checkProtocols(protocols: ServerOptions['protocols'], check: OptionCheck): readonly string[] {
  if (protocols === undefined) return [];
  if (!Array.isArray(protocols) || !protocols.every((name) => typeof name === 'string' && TOKEN.test(name))) {
    throw check.error('protocols', protocols, 'an array of sub-protocol names');
  }
  return protocols as readonly string[];
}

function checkMiddleware(
  handshake: ServerOptions['handshake'],
  check: OptionCheck,
): readonly HandshakeMiddleware[] {
  if (handshake === undefined) return [];
  const use: unknown = handshake?.use;
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
  if (typeof deflate !== 'boolean' && (typeof deflate !== 'object' || deflate === null)) {
    throw check.error('perMessageDeflate', deflate, 'a boolean or an object of options');
  }
  return deflate;
}

function checkBackplane(backplane: unknown, check: OptionCheck): boolean {
  if (backplane === undefined || backplane === false) return backplane !== false;
  throw check.error(
    'backplane',
    backplane,
    'false; all servers share the one of FourDWebSocketModule.forRoot()',
  );
}
