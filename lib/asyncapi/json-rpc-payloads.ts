import type { AsyncApiMessage, JsonSchema } from './async-api-document.js';
import type { DescribedSchema } from './json-schemas.js';

const ID: JsonSchema = { type: ['string', 'number'], description: 'Of the sender’s choice.' };

/** Where the id of a request is, and of what answers it. */
const BY_ID = { location: '$message.payload#/id' };
/** Where it is in what the protocol says about a request. */
const BY_ID_IN_PARAMS = { location: '$message.payload#/params/id' };

/** A message that asks for no answer (reference 17.2). */
export function notificationMessage(name: string, data: DescribedSchema): AsyncApiMessage {
  return { name, ...summaryOf(data), payload: envelope({ method: { const: name } }, paramsOf(data)) };
}

/** A message that asks for an answer, or, if it is paced, for items. */
export function requestMessage(name: string, data: DescribedSchema, isPaced: boolean): AsyncApiMessage {
  const items: JsonSchema = {
    type: 'integer',
    minimum: 1,
    description: 'How many items may come before rpc.pull asks for more; without it they come unasked.',
  };
  const payload = envelope({ id: ID, method: { const: name } }, paramsOf(data), isPaced ? { items } : {});
  return { name, ...summaryOf(data), correlationId: BY_ID, payload };
}

/** @param result undefined for what is answered with nothing, as a stream is when it ends */
export function responseMessage(name: string, result: DescribedSchema | undefined): AsyncApiMessage {
  const nothing: JsonSchema = { type: 'null' };
  const what: JsonSchema = result === undefined ? nothing : { ...result.reference };
  const payload = envelope({
    id: ID,
    result: result?.isOptional === true ? { anyOf: [what, nothing] } : what,
  });
  return { name, ...summaryOf(result), correlationId: BY_ID, payload };
}

/** One of a stream's items. */
export function itemMessage(name: string, item: DescribedSchema): AsyncApiMessage {
  const payload = envelope({
    method: { const: 'rpc.item' },
    params: {
      type: 'object',
      required: ['id', 'item'],
      properties: {
        id: ID,
        // What JSON makes nothing of is an item all the same.
        item: item.isOptional ? { anyOf: [item.reference, { type: 'null' }] } : item.reference,
      },
    },
  });
  return { name, ...summaryOf(item), correlationId: BY_ID_IN_PARAMS, payload };
}

/** The messages that are the same in all contracts; no member has a name that begins so. */
export const PROTOCOL_MESSAGES = {
  'rpc.error': {
    name: 'rpc.error',
    summary: 'What was asked for failed.',
    correlationId: BY_ID,
    payload: envelope({
      id: { type: ['string', 'number', 'null'] },
      error: {
        type: 'object',
        required: ['code', 'message'],
        properties: { code: { type: 'integer' }, message: { type: 'string' }, data: {} },
      },
    }),
  },
  'rpc.cancel': {
    name: 'rpc.cancel',
    summary: 'Gives up what was asked for.',
    correlationId: BY_ID_IN_PARAMS,
    payload: envelope({
      method: { const: 'rpc.cancel' },
      params: { type: 'object', required: ['id'], properties: { id: ID } },
    }),
  },
  'rpc.pull': {
    name: 'rpc.pull',
    summary: 'Asks for more items of a stream.',
    correlationId: BY_ID_IN_PARAMS,
    payload: envelope({
      method: { const: 'rpc.pull' },
      params: {
        type: 'object',
        required: ['id', 'items'],
        properties: { id: ID, items: { type: 'integer', minimum: 1 } },
      },
    }),
  },
} satisfies Record<string, AsyncApiMessage>;

/** What every message is in. */
function envelope(
  required: Record<string, JsonSchema>,
  params: Params = { schema: undefined, isRequired: false },
  optional: Record<string, JsonSchema> = {},
): JsonSchema {
  const { schema, isRequired } = params;
  return {
    type: 'object',
    required: ['jsonrpc', ...Object.keys(required), ...(isRequired ? ['params'] : [])],
    properties: {
      jsonrpc: { const: '2.0' },
      ...required,
      ...(schema === undefined ? {} : { params: schema }),
      ...optional,
    },
  };
}

interface Params {
  readonly schema: JsonSchema | undefined;
  readonly isRequired: boolean;
}

/** An object goes by name, anything else by position, as the only one. */
function paramsOf({ reference, type, isOptional }: DescribedSchema): Params {
  const named: JsonSchema = { ...reference };
  const only: JsonSchema = {
    type: 'array',
    items: [reference],
    additionalItems: false,
    minItems: 1,
    maxItems: 1,
  };
  const either: JsonSchema = { anyOf: [{ allOf: [{ type: 'object' }, named] }, only] };
  return { schema: { object: named, other: only, either }[type], isRequired: !isOptional };
}

function summaryOf(data: DescribedSchema | undefined): { summary?: string } {
  return data?.description === undefined ? {} : { summary: data.description };
}
