import type { Type } from '@nestjs/common';
import type { ContextId } from '@nestjs/core';
import { contractBehind, type AnyContract, type Member, type MemberKind } from '../contract/contract.js';
import { InvalidHandlerError } from '../errors/invalid-handler.error.js';
import type { ContractHooks, MemberServer, SignalSource } from '../server/rpc/contract-hooks.js';
import type { HookMethods } from './hook-methods.js';
import type { EnhancerResolver } from './pipeline/enhancer-resolver.js';
import { functionOf, type HandlerMethod } from './pipeline/handler-method.js';
import { MethodPipeline, type PipelineTarget } from './pipeline/method-pipeline.js';
import { MESSAGE_VALUES } from './pipeline/parameter-values.js';
import type { ProviderWrapper } from './provider-explorer.js';

/** Who serves the members of a contract: a connection of a server's, or a client. */
interface MemberSubject {
  readonly handler: object;
}

/** A class whose methods serve the members of a contract. */
export interface ContractHandlerClass {
  readonly type: Type<object>;
  /** An instance, or the prototype of the class: where the methods are. */
  readonly handler: object;
  readonly contract?: AnyContract | undefined;
  readonly concurrency?: number | undefined;
  readonly wrapper?: ProviderWrapper | undefined;
  /** The context of its request-scoped enhancers, if it has any. */
  readonly contextId?: ContextId | undefined;
}

/** What a server serves; the others it sends and asks. */
export const SERVED_BY_SERVERS: readonly MemberKind[] = ['receives', 'calls', 'streams'];

/**
 * How a handler serves the members of its contract, plain or through Nest's enhancers (reference 17.1); undefined without one.
 *
 * @param served the kinds of members that it has to serve
 * @throws {InvalidHandlerError} if it has no method for one of them, a method that nothing reaches, or an enhancer that Nest
 * has no instance of
 */
export function contractHooks<S extends MemberSubject>(
  handlerClass: ContractHandlerClass,
  methods: HookMethods,
  enhancers: EnhancerResolver,
  served: readonly MemberKind[] = SERVED_BY_SERVERS,
): ContractHooks<S> | undefined {
  const contract = contractBehind(handlerClass.contract);
  if (contract === undefined) return undefined;
  const members = [...contract.members.values()].filter(({ kind }) => served.includes(kind));
  checkMethods(handlerClass, methods, members);
  return {
    contract,
    members: new Map(
      members.map((member) => [member.name, memberServer<S>(handlerClass, member, enhancers)] as const),
    ),
    concurrency: handlerClass.concurrency ?? 1,
  };
}

function checkMethods(
  { type, handler }: ContractHandlerClass,
  { messageKinds, ...hooks }: HookMethods,
  members: readonly Member[],
): void {
  const name = type.name || 'handler';
  const missing = members.filter(
    (member) => typeof (handler as Record<string, unknown>)[member.name] !== 'function',
  );
  if (missing.length > 0) {
    const list = missing.map((member) => `${member.name}() (${member.kind})`).join(', ');
    throw new InvalidHandlerError(name, `its contract asks for ${list}; add a method for each, not a field`);
  }
  const unreachable = hooks.onMessage ?? [...messageKinds.values()][0];
  if (unreachable !== undefined) {
    throw new InvalidHandlerError(
      name,
      `no message reaches ${String(unreachable)}(), since the methods of its contract serve them; remove it`,
    );
  }
  for (const [hook, method] of Object.entries(hooks)) {
    if (members.some((member) => member.name === method)) {
      throw new InvalidHandlerError(
        name,
        `${String(method)}() is marked as ${hook}, and serves a member of its contract; it can't be both`,
      );
    }
  }
}

function memberServer<S extends MemberSubject>(
  { type, handler, wrapper, contextId }: ContractHandlerClass,
  member: Member,
  enhancers: EnhancerResolver,
): MemberServer<S> {
  const method = member.name;
  const handlerMethod: HandlerMethod = { type, method, handler, wrapper, contextId, contextType: 'ws' };
  const takesSignal = mayTakeSignal(functionOf(handlerMethod));
  const pipeline = new MethodPipeline(handlerMethod, takesSignal ? WITH_SIGNAL : WITHOUT_SIGNAL, enhancers);
  return {
    member,
    serve: pipeline.isPlain
      ? plainMember(method, takesSignal)
      : (subject, data, source) => pipeline.call([subject, data, method, source] satisfies MemberCall),
    filter: pipeline.hasFilters
      ? (subject, data, failure) =>
          pipeline.filter(failure, [subject, data, method, undefined] satisfies MemberCall)
      : undefined,
  };
}

/** What guards and their like see of a member: client, data, the member's name as the pattern; and where the signal is. */
type MemberCall = [subject: MemberSubject, data: unknown, pattern: string, source: SignalSource | undefined];

const WITHOUT_SIGNAL: PipelineTarget = {
  values: MESSAGE_VALUES,
  parameters: ([subject, data]) => [subject, data],
  handler: ([subject]) => (subject as MemberSubject).handler,
};

const WITH_SIGNAL: PipelineTarget = {
  ...WITHOUT_SIGNAL,
  parameters: ([subject, data, , source]) => [subject, data, (source as SignalSource).signal],
};

/** A parameter with a default value is not counted, nor are those after it. */
const HAS_UNCOUNTED = /^[^(]*\([^)]*=|\.\.\.|\barguments\b|signal/i;

/** A method that may look at the signal: making one for the others would cost more than all else that a call costs. */
function mayTakeSignal(method: (...args: unknown[]) => unknown): boolean {
  return method.length > 2 || HAS_UNCOUNTED.test(Function.prototype.toString.call(method));
}

type MemberMethod = (subject: object, data: unknown, signal?: AbortSignal) => unknown;

/** Found by its name at each call, so that a method replaced later (a spy) is the one called. */
function plainMember<S extends MemberSubject>(
  method: string,
  takesSignal: boolean,
): MemberServer<S>['serve'] {
  const methodOf = ({ handler }: MemberSubject): Record<string, MemberMethod> =>
    handler as Record<string, MemberMethod>;
  return takesSignal
    ? (subject, data, source) => methodOf(subject)[method]!(subject, data, source.signal)
    : (subject, data) => methodOf(subject)[method]!(subject, data);
}
