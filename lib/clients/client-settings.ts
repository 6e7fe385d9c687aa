import { resolveOptions, type ClientOptions, type ClientUrl } from '../client/client-options.js';
import type { ClientHandler } from '../client/four-d-web-socket.js';
import { nodeTransport } from '../client/node-transport.js';
import { contractBehind } from '../contract/contract.js';
import type { WebSocketClientOptions } from '../decorators/web-socket-client.decorator.js';
import { checkNames } from '../errors/check-names.js';
import { InvalidHandlerError } from '../errors/invalid-handler.error.js';
import { InvalidOptionError } from '../errors/invalid-option.error.js';

/** What a client is made with: complete where it has to be, and checked. */
export interface ClientSettings extends Pick<ClientHandler, 'dataType' | 'headers'> {
  readonly url: ClientUrl;
  readonly options: ClientOptions;
}

const OPTIONS: Record<keyof Required<WebSocketClientOptions>, true> = {
  url: true,
  connect: true,
  discriminator: true,
  dataType: true,
  headers: true,
  reconnect: true,
  token: true,
  buffer: true,
  maxBufferedAmount: true,
  connectTimeout: true,
  protocols: true,
  resume: true,
  heartbeat: true,
  contract: true,
};

/** The names of a client's options. */
export const OPTION_NAMES: ReadonlySet<string> = new Set(Object.keys(OPTIONS));

/** What a client's options say of how its messages are served. */
export type ServedMessages = Pick<WebSocketClientOptions, 'discriminator' | 'contract'>;

export function servedBy({ discriminator, contract }: WebSocketClientOptions): ServedMessages {
  return { discriminator, contract };
}

/** Options of several places in one, those of later places before those of earlier ones. */
export function mergeOptions(
  ...places: readonly (WebSocketClientOptions | undefined)[]
): WebSocketClientOptions {
  const given = places.flatMap((options) => Object.entries(options ?? {}));
  return Object.fromEntries(given.filter(([, value]) => value !== undefined)) as WebSocketClientOptions;
}

/**
 * Checks a client's options, without connecting.
 *
 * @param owner whose they are, for errors
 * @throws {InvalidOptionError} if there is no URL, or an option that there is none of
 * @throws {InvalidHandlerError} for a value of a wrong type, or out of range
 */
export function resolveSettings(merged: WebSocketClientOptions, owner: string): ClientSettings {
  checkNames(merged, owner, OPTION_NAMES);
  const { url, dataType, headers, connect: _connect, discriminator, ...options } = merged;
  if (url === undefined) {
    throw new InvalidOptionError(
      owner,
      'url',
      url,
      'a URL: set it in @WebSocketClient({ url }), or in the options of WebSocketClientModule ' +
        `({ clients: { ${owner}: { url } } })`,
    );
  }
  if (discriminator !== undefined && typeof discriminator !== 'string') {
    throw new InvalidOptionError(owner, 'discriminator', discriminator, 'a string');
  }
  const { contract, ...others } = options;
  if (contract !== undefined && contractBehind(contract) === undefined) {
    throw new InvalidOptionError(owner, 'contract', contract, 'what defineContract() returned');
  }
  if (
    contract !== undefined &&
    (discriminator ?? (dataType === 'object' ? undefined : dataType)) !== undefined
  ) {
    const [option, value] =
      discriminator === undefined ? ['dataType', dataType] : ['discriminator', discriminator];
    throw new InvalidOptionError(
      owner,
      option,
      value,
      'left out: a contract says what messages are, and who serves them',
    );
  }
  try {
    // That there is a method for each member of a contract is known since they were bound.
    resolveOptions(url, { dataType, headers }, others, (all) => nodeTransport.checkHeaders(all));
  } catch (error) {
    throw new InvalidHandlerError(owner, (error as Error).message.replace(/^FourDWebSocket: /, ''));
  }
  return { url, dataType, headers, options };
}
