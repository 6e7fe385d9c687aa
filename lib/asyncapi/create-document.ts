import { Logger, type INestApplication } from '@nestjs/common';
import { checkNames } from '../errors/check-names.js';
import type { DataType } from '../interfaces/index.js';
import type { AsyncApiChannel, AsyncApiDocument } from './async-api-document.js';
import type { AsyncApiOptions } from './async-api-options.js';
import { channelAddress } from './channel-address.js';
import { ContractDescription } from './contract-description.js';
import { describedServers, type DescribedServer } from './described-servers.js';
import { knownServers, serversOn } from './document-servers.js';
import { JsonSchemas } from './json-schemas.js';
import { uniqueName } from './unique-name.js';

const OPTIONS: Record<keyof AsyncApiOptions, true> = {
  title: true,
  version: true,
  description: true,
  info: true,
  servers: true,
  contracts: true,
};
const OPTION_NAMES: ReadonlySet<string> = new Set(Object.keys(OPTIONS));

/** What is said on connections without a contract. */
const UNKNOWN_MESSAGES: Record<DataType, string> = {
  text: 'Text; no contract says more.',
  blob: 'Binary data; no contract says more.',
  object: 'JSON; no contract says more.',
};

/** Describes an application's WebSocket servers (reference 17.5). */
export function createDocument(
  app: INestApplication,
  owner: string,
  options: AsyncApiOptions,
): AsyncApiDocument {
  checkNames(options, owner, OPTION_NAMES);
  const { title = 'WebSocket API', version = '1.0.0', description, info, contracts = {} } = options;
  const described = describedServers(app, contracts);
  const ownPorts = new Set(described.flatMap(({ port }) => port ?? []));
  const servers = options.servers ?? knownServers(app, ownPorts);
  const schemas = new JsonSchemas(new Logger(owner));
  const document: AsyncApiDocument = {
    asyncapi: '3.0.0',
    info: { title, version, ...(description === undefined ? {} : { description }), ...info },
    defaultContentType: 'application/json',
    ...(Object.keys(servers).length === 0 ? {} : { servers }),
    channels: {},
    operations: {},
    components: { schemas: schemas.components },
  };
  for (const server of described) {
    const on = serversOn(server.port, servers, ownPorts);
    const name = uniqueName(server.name, document.channels);
    const channel = channelOf(server);
    if (on !== undefined) channel.servers = on;
    document.channels[name] = channel;
    if (server.contract === undefined) continue;
    channel.messages = new ContractDescription(document, schemas, name).describe(server.contract);
  }
  return document;
}

function channelOf({ name, path, port, dataType, contract }: DescribedServer): AsyncApiChannel {
  const says = [
    ...(path === undefined ? ['All paths that no other server takes.'] : []),
    ...(port === undefined ? [] : [`On port ${port}.`]),
    contract === undefined ? UNKNOWN_MESSAGES[dataType] : 'JSON-RPC 2.0, batches included.',
  ];
  return { ...channelAddress(path, name), title: name, description: says.join(' ') };
}
