import { ClientPeer } from './client-peer.js';
import {
  CONTRACT,
  type CallDefinition,
  type Contract,
  type ContractBehind,
  type ContractDefinition,
  type Member,
  type MemberKind,
  type Schema,
  type StreamDefinition,
} from './contract.js';
import { paramsOf } from './json-rpc.js';
import { checkTimeout } from './timeout.js';
import { checkOutgoing } from './validate.js';

/** How a contract is kept to. */
export interface ContractOptions {
  /** How long a call may take if it says nothing itself, and a schema, in milliseconds. @default 10000 */
  readonly timeout?: number;
  /**
   * Whether what is sent is checked too, when it is made: for tests, and where the other end is not trusted to be of the same
   * version. Such schemas must not be asynchronous. @default false
   */
  readonly validateOutgoing?: boolean;
}

const KINDS: readonly MemberKind[] = ['receives', 'sends', 'calls', 'streams', 'asks'];

/** What a handler has for other reasons, on either end: hooks, those of Nest, and what every object has. */
const TAKEN =
  /^(on(Open|Message|Resume|Refresh|Error|Disconnect|Terminate|Connection|Module(Init|Destroy)|Application(Bootstrap|Shutdown))|beforeApplicationShutdown|dataType|headers|then|constructor|__proto__|to(Locale)?String|toJSON|valueOf|hasOwnProperty|isPrototypeOf|propertyIsEnumerable|__(define|lookup)[GS]etter__)$/;

/**
 * Declares what the two ends of a connection say to each other (reference 17.1).
 *
 * @throws {TypeError} for two members of one name, a name that is taken, and what is no schema; it names them
 * @throws {RangeError} for a timeout out of range
 */
export function defineContract<const D extends ContractDefinition>(
  definition: D,
  options: ContractOptions = {},
): Contract<D> {
  const { timeout = 10_000, validateOutgoing = false } = options;
  checkTimeout('defineContract()', timeout);
  const members = new Map<string, Member>();
  for (const [kind, group] of Object.entries(definition)) {
    if (!KINDS.includes(kind as MemberKind)) {
      throw new TypeError(`defineContract(): there is no "${kind}"; it has ${KINDS.join(', ')}`);
    }
    for (const [name, defined] of Object.entries(group ?? {}))
      members.set(
        name,
        checked(kind as MemberKind, name, defined as Schema | CallDefinition, members.get(name)),
      );
  }
  const behind: ContractBehind<D> = {
    definition,
    members,
    timeout,
    validateOutgoing,
    connect: (host) => new ClientPeer(behind, host),
  };
  const contract: Record<string | symbol, unknown> = {};
  // Not a member: it shows neither in a list of them, nor in JSON.
  Object.defineProperty(contract, CONTRACT, { value: behind });
  for (const member of members.values()) contract[member.name] = maker(member, validateOutgoing);
  return contract as Contract<D>;
}

function checked(
  kind: MemberKind,
  name: string,
  defined: Schema | CallDefinition | StreamDefinition,
  other: Member | undefined,
): Member {
  const where = `${kind}.${name}`;
  if (other) throw new TypeError(`defineContract(): "${where}" and "${other.kind}.${name}" have one name`);
  if (name.startsWith('rpc.'))
    throw new TypeError(`defineContract(): "${where}" begins with "rpc.", which JSON-RPC keeps for itself`);
  if (TAKEN.test(name))
    throw new TypeError(
      `defineContract(): "${where}" has the name of "${name}", which handlers have for something else`,
    );
  const isMessage = kind === 'receives' || kind === 'sends';
  const {
    request,
    response,
    item,
    idempotent = false,
  } = (isMessage ? { request: defined } : Object(defined)) as {
    request: Schema;
    response?: Schema;
    item?: Schema;
    idempotent?: boolean;
  };
  checkSchema(isMessage ? where : `${where}.request`, request);
  if (kind === 'streams') checkSchema(`${where}.item`, item);
  else if (response !== undefined) checkSchema(`${where}.response`, response);
  return { kind, name, request, response: response ?? item, idempotent };
}

function checkSchema(where: string, schema: unknown): void {
  if (typeof Object(Object(schema)['~standard']).validate === 'function') return;
  throw new TypeError(
    `defineContract(): "${where}" must be a Standard Schema, such as zod's z.object({...})`,
  );
}

function maker({ name, kind, request }: Member, validateOutgoing: boolean): (data: unknown) => object {
  return (data) => {
    if (validateOutgoing) checkOutgoing(`What ${kind}.${name} was made with`, request, data);
    return { jsonrpc: '2.0', method: name, params: paramsOf(data) };
  };
}
