export { defineContract, type ContractOptions } from './define-contract.js';
export type {
  AnyContract,
  AskDefinition,
  CallDefinition,
  CallOptions,
  Contract,
  ContractDefinition,
  ContractMessage,
  DefinitionOf,
  MessageOf,
  Schema,
  StreamDefinition,
  StreamOptions,
} from './contract.js';
export { ConnectionLostError, RpcError, SchemaError } from './errors.js';
export { ErrorCode, type ErrorObject } from './json-rpc.js';
