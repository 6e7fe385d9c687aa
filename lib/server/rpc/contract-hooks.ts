import type { ContractBehind, Member } from '../../contract/contract.js';

/** Gives the signal of a call: it fires when the client gives the call up, or is gone. Making one costs more than most calls. */
export interface SignalSource {
  readonly signal: AbortSignal;
}

/**
 * What serves a member of a contract, however its method is found and called.
 *
 * @typeParam C the connection
 */
export interface MemberServer<C> {
  readonly member: Member;
  /** Serves one; what it returns, or promises, is the answer: a value, a stream, or an `InterceptedReply`. */
  readonly serve: (connection: C, data: unknown, source: SignalSource) => unknown;
  /** Runs the exception filters for a failure of `serve`; rethrows (or rejects with) what they leave. */
  readonly filter: ((connection: C, data: unknown, failure: unknown) => unknown) | undefined;
}

/** How a handler with a contract serves. */
export interface ContractHooks<C> {
  readonly contract: ContractBehind;
  readonly members: ReadonlyMap<string, MemberServer<C>>;
  /** How many calls of a connection may run at once. */
  readonly concurrency: number;
}
