import type { INestApplicationContext } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { contractBehind, type AnyContract, type ContractBehind } from '../contract/contract.js';
import { checkNames } from '../errors/check-names.js';
import { InvalidOptionError } from '../errors/invalid-option.error.js';
import { serverOptionsOf } from '../handlers/connection-handler-options.js';
import { ProviderExplorer } from '../handlers/provider-explorer.js';
import { WebSocketServerRegistry } from '../handlers/web-socket-server.registry.js';
import type { DataType, ServerOptions } from '../interfaces/index.js';
import { declaredPath } from '../server/handshake/canonical-path.js';

/** A WebSocket server of the application, started or not. */
export interface DescribedServer {
  /** The name of its handler's class. */
  readonly name: string;
  readonly path: string | undefined;
  readonly port: number | undefined;
  readonly dataType: DataType;
  readonly contract: ContractBehind | undefined;
}

/**
 * The servers of the application: those that it declares, which start with it, and those that it has started besides.
 *
 * @param contracts of servers that decide about each client
 * @throws {InvalidOptionError} for a contract that is none, or of no such server
 * @throws {Error} if the application has no WebSocket servers, since it does not import the module
 */
export function describedServers(
  app: INestApplicationContext,
  contracts: Readonly<Record<string, AnyContract>>,
): DescribedServer[] {
  const explorer = find(app, ProviderExplorer);
  const registry = find(app, WebSocketServerRegistry);
  const describe = (
    name: string,
    { path, port, dataType }: Pick<ServerOptions, 'path' | 'port' | 'dataType'>,
    contract?: AnyContract,
  ): DescribedServer => ({
    name,
    path: path === undefined ? undefined : declaredPath(path),
    port,
    dataType: registry.dataTypeOf(dataType),
    contract: contractBehind(contract),
  });
  const servers = [
    ...explorer.serverHandlers().map(({ type, options }) => describe(type.name, options)),
    ...explorer.connectionHandlers().flatMap(({ type, options }) => {
      const own = serverOptionsOf(options);
      return own === undefined ? [] : [describe(type.name, own, options.contract)];
    }),
  ];
  for (const { name, options } of registry.sessions()) {
    const isKnown = servers.some(({ path, port }) => path === options.path && port === options.port);
    if (!isKnown) servers.push(describe(name, options));
  }
  return withContracts(servers, contracts);
}

/** What the module provides. Asked for what is not there, `app.get` would end the process. */
function find<T>(app: INestApplicationContext, type: new (...args: never[]) => T): T {
  for (const { providers } of app.get(ModulesContainer).values()) {
    const wrapper = providers.get(type);
    if (wrapper !== undefined) return wrapper.instance as T;
  }
  throw new Error(
    'AsyncApiModule: the application has no WebSocket servers; import FourDWebSocketModule.forRoot() in the root module',
  );
}

function withContracts(
  servers: readonly DescribedServer[],
  contracts: Readonly<Record<string, AnyContract>>,
): DescribedServer[] {
  const undeclared = servers.filter(({ contract }) => contract === undefined);
  const keysOf = ({ name, path }: DescribedServer): string[] => (path === undefined ? [name] : [path, name]);
  checkNames(contracts, 'AsyncApiModule', new Set(undeclared.flatMap(keysOf)), {
    what: 'server without a contract of its own',
    prefix: 'contracts.',
  });
  for (const [key, contract] of Object.entries(contracts)) {
    if (contractBehind(contract) !== undefined) continue;
    throw new InvalidOptionError(
      'AsyncApiModule',
      `contracts.${key}`,
      contract,
      'what defineContract() returned',
    );
  }
  return servers.map((server) => {
    const key = keysOf(server).find((each) => Object.hasOwn(contracts, each));
    return server.contract !== undefined || key === undefined
      ? server
      : { ...server, contract: contractBehind(contracts[key]) };
  });
}
