import type { ContractBehind, Member } from '../contract/contract.js';
import type {
  AsyncApiChannel,
  AsyncApiDocument,
  AsyncApiMessage,
  AsyncApiOperation,
  AsyncApiReference,
} from './async-api-document.js';
import {
  itemMessage,
  notificationMessage,
  PROTOCOL_MESSAGES,
  requestMessage,
  responseMessage,
} from './json-rpc-payloads.js';
import type { JsonSchemas } from './json-schemas.js';
import { reference } from './reference.js';
import { uniqueName } from './unique-name.js';

type ProtocolMessage = keyof typeof PROTOCOL_MESSAGES;

/** What a server does for each kind of a contract's members. */
const ACTIONS = {
  receives: 'receive',
  calls: 'receive',
  streams: 'receive',
  sends: 'send',
  asks: 'send',
} as const;

/** Puts what a contract says of a channel's messages and operations into a document (reference 17.5). */
export class ContractDescription {
  readonly #document: AsyncApiDocument;
  readonly #schemas: JsonSchemas;
  readonly #channelName: string;
  readonly #messages: NonNullable<AsyncApiChannel['messages']> = {};

  constructor(document: AsyncApiDocument, schemas: JsonSchemas, channelName: string) {
    this.#document = document;
    this.#schemas = schemas;
    this.#channelName = channelName;
  }

  /** @returns the messages of the channel */
  describe({ members }: ContractBehind): NonNullable<AsyncApiChannel['messages']> {
    const all = [...members.values()];
    // A member's own message has its name; what answers it makes way.
    for (const { name } of all) this.#messages[name] = {};
    for (const member of all) this.#describe(member);
    const has = (kinds: readonly Member['kind'][]): boolean => all.some(({ kind }) => kinds.includes(kind));
    if (has(['calls', 'streams'])) this.#protocol('receive', 'rpc.cancel', 'rpc.cancel');
    if (has(['streams'])) this.#protocol('receive', 'rpc.pull', 'rpc.pull');
    if (has(['asks'])) this.#protocol('send', 'rpc.cancel', 'rpc.cancel.ask');
    return this.#messages;
  }

  #describe({ kind, name, request, response, idempotent }: Member): void {
    const isMessage = kind === 'receives' || kind === 'sends';
    const data = this.#schemas.describe(
      request,
      `${this.#channelName}.${name}${isMessage ? '' : '.request'}`,
    );
    this.#messages[name] = isMessage
      ? notificationMessage(name, data)
      : requestMessage(name, data, kind === 'streams');
    const operation = this.#operation(ACTIONS[kind], name, this.#reference(name));
    if (data.description !== undefined) operation.summary = data.description;
    if (isMessage) return;
    if (idempotent) operation.description = 'Idempotent: it may be made twice.';
    operation.reply = { channel: operation.channel, messages: this.#replies(kind, name, response) };
  }

  #replies(kind: Member['kind'], name: string, response: Member['response']): AsyncApiReference[] {
    const isStream = kind === 'streams';
    const wanted = `${name}.${isStream ? 'item' : 'response'}`;
    const result = response && this.#schemas.describe(response, `${this.#channelName}.${wanted}`);
    const error = this.#shared('rpc.error');
    if (!isStream || result === undefined)
      return [this.#add(wanted, (key) => responseMessage(key, result)), error];
    const end = this.#add(`${name}.end`, (key) => responseMessage(key, undefined));
    return [this.#add(wanted, (key) => itemMessage(key, result)), end, error];
  }

  #protocol(action: AsyncApiOperation['action'], name: ProtocolMessage, operation: string): void {
    this.#operation(action, operation, this.#shared(name)).summary = PROTOCOL_MESSAGES[name].summary;
  }

  #operation(
    action: AsyncApiOperation['action'],
    name: string,
    message: AsyncApiReference,
  ): AsyncApiOperation {
    const { operations } = this.#document;
    const operation: AsyncApiOperation = {
      action,
      channel: reference('channels', this.#channelName),
      messages: [message],
    };
    return (operations[uniqueName(`${this.#channelName}_${name}`, operations)] = operation);
  }

  #add(wanted: string, make: (key: string) => AsyncApiMessage): AsyncApiReference {
    const key = uniqueName(wanted, this.#messages);
    this.#messages[key] = make(key);
    return this.#reference(key);
  }

  /** A message that all contracts share. */
  #shared(name: ProtocolMessage): AsyncApiReference {
    const messages = (this.#document.components.messages ??= {});
    messages[name] ??= structuredClone(PROTOCOL_MESSAGES[name]);
    this.#messages[name] = reference('components', 'messages', name);
    return this.#reference(name);
  }

  #reference(message: string): AsyncApiReference {
    return reference('channels', this.#channelName, 'messages', message);
  }
}
