import { HttpException } from '@nestjs/common';
import { isObservable, type Observable } from 'rxjs';
import { SchemaError } from '../../contract/errors.js';
import { notification, type ErrorObject } from '../../contract/json-rpc.js';
import { within } from '../../contract/timeout.js';
import { checkOutgoing, validateParams, type Validation } from '../../contract/validate.js';
import { isInstance } from '../../foundation/instance.js';
import type { HookTrace } from '../../observability/trace.js';
import { isPromise, type Completion } from '../../foundation/promise.js';
import { QuietSubscriber } from '../../foundation/quiet-subscriber.js';
import { discard } from '../replies/async-iterable.js';
import { InterceptedReply } from '../replies/intercepted-reply.js';
import type { ReplyReceiver } from '../replies/reply-receiver.js';
import { observableOf } from '../replies/reply-stream.js';
import type { ContractHooks, MemberServer, SignalSource } from './contract-hooks.js';
import { HeldItems, ItemReceiver } from './item-receiver.js';
import { errorObject, invalidParams, METHOD_NOT_FOUND } from './rpc-error.js';
import type { RpcRequest } from './rpc-request.js';
import { sendItems } from './running-items.js';

/** What is reported of a message that does not keep to the contract (reference 17.3). */
const BAD_REQUEST = 400;

/** How many streams of one connection may run at once: each is remembered. */
const MAX_STREAMS = 256;

const TOO_MANY_STREAMS: ErrorObject = { code: 429, message: `More than ${MAX_STREAMS} streams at once` };

/** The connection whose messages are served. */
export interface ServiceHost<C> extends ReplyReceiver {
  readonly connection: C;
  /** Bytes that may be buffered for the client. */
  readonly maxBufferedAmount: number;
  sendText(text: string): void;
  /** Runs a step that serves a member; whoever traces hooks sees it. */
  traced(member: string, data: unknown, step: (trace?: HookTrace) => Completion): Completion;
  /** Tells `onError`, as a step. */
  report(error: unknown, errCode?: number): Completion;
  /** Tells `onError`, in its turn, of what failed beside the hooks. */
  reportLater(error: unknown): void;
}

/** What a step does with what was returned, and with what failed. */
interface Outcome {
  returned(value: unknown): void;
  failed(error: unknown): Completion;
}

/** Serves what comes for the members of a contract, on one connection. A {@link Completion} of it never rejects. */
export class RpcService<C> {
  readonly #hooks: ContractHooks<C>;
  readonly #host: ServiceHost<C>;
  readonly #held: HeldItems;
  #streams = 0;

  constructor(hooks: ContractHooks<C>, host: ServiceHost<C>) {
    this.#hooks = hooks;
    this.#host = host;
    // Half of it: with all of it the connection would be closed, for one stream.
    this.#held = new HeldItems(host.maxBufferedAmount / 2);
  }

  /**
   * Serves a message, as a step.
   *
   * @param source gives the signal of the connection
   */
  message(method: string, params: unknown, source: SignalSource): Completion {
    const host = this.#host;
    const server = this.#hooks.members.get(method);
    if (server?.member.kind !== 'receives') {
      const error = new Error(`The contract has no such message: ${JSON.stringify(method)}`);
      return host.report(error, BAD_REQUEST);
    }
    const { member } = server;
    return this.#validated(server, params, {
      valid: (data) =>
        host.traced(member.name, data, (trace) =>
          this.#settle(() => server.serve(host.connection, data, source), undefined, {
            // A message has no answer.
            returned: () => undefined,
            failed: (error) => {
              trace?.failed(error);
              return this.#messageFailed(server, data, error);
            },
          }),
        ),
      invalid: (issues) => host.report(new SchemaError(`What came of ${member.name}`, issues), BAD_REQUEST),
      failed: (error) => host.report(error),
    });
  }

  /** Serves a call until it is answered, or begins a stream, as a step. */
  request(request: RpcRequest): Completion {
    // The client gave it up, or is gone, before its turn came.
    if (request.isAnswered) return undefined;
    const server = this.#hooks.members.get(request.method);
    const kind = server?.member.kind;
    if (kind !== 'calls' && kind !== 'streams') return request.fail(METHOD_NOT_FOUND);
    if (kind === 'streams' && this.#streams >= MAX_STREAMS) return request.fail(TOO_MANY_STREAMS);
    return this.#validated(server!, request.params, {
      valid: (data) => {
        // Its schema took its time.
        if (request.isAnswered) return undefined;
        return this.#host.traced(server!.member.name, data, (trace) =>
          kind === 'calls'
            ? this.#call(server!, request, data, trace)
            : this.#stream(server!, request, data, trace),
        );
      },
      invalid: (issues) => request.fail(invalidParams(issues)),
      failed: (error) => {
        request.fail(errorObject(undefined));
        return this.#host.report(error);
      },
    });
  }

  /** Checks what came, before anything of the application sees it. */
  #validated(
    { member }: MemberServer<C>,
    params: unknown,
    then: {
      valid(data: unknown): Completion;
      invalid(issues: SchemaError['issues']): Completion;
      failed(error: unknown): Completion;
    },
  ): Completion {
    const decide = (found: Validation): Completion =>
      found.issues ? then.invalid(found.issues) : then.valid(found.value);
    try {
      const found = validateParams(member.request, params);
      // Most schemas answer at once: that needs no promise, and no timer.
      if (!isPromise(found)) return decide(found);
      const { timeout } = this.#hooks.contract;
      return within(timeout, `The schema of ${member.name}`, found)
        .then(decide)
        .catch((error: unknown) => then.failed(error));
    } catch (error) {
      return then.failed(error);
    }
  }

  #call(server: MemberServer<C>, request: RpcRequest, data: unknown, trace?: HookTrace): Completion {
    return this.#settle(() => server.serve(this.#host.connection, data, request), request, {
      returned: (result) => {
        if (request.isAnswered) return;
        this.#check(server, 'is answered with', result);
        request.succeed(result);
      },
      failed: (error) => {
        trace?.failed(error);
        return this.#requestFailed(server, request, data, error);
      },
    });
  }

  #stream(server: MemberServer<C>, request: RpcRequest, data: unknown, trace?: HookTrace): Completion {
    const host = this.#host;
    const toText = (item: unknown): string => {
      this.#check(server, 'gives', item);
      // What JSON makes nothing of is an item all the same.
      return notification('rpc.item', { id: request.id, item: item ?? null });
    };
    const items = new ItemReceiver(host, this.#held, request.credit, toText, (text) => host.sendText(text));
    const failed = (error: unknown): Completion => this.#requestFailed(server, request, data, error);
    const failedToBegin = (error: unknown): Completion => {
      trace?.failed(error);
      return failed(error);
    };
    const begin = (result: unknown): Completion => {
      // It was given up before it began: nothing asks a stream that was never read to end, but one of Node's is open.
      if (request.isAnswered) {
        if (typeof result === 'object' && result !== null) discard(result);
        return undefined;
      }
      this.#streams++;
      return sendItems(request, items, result, {
        ended: (failure) => {
          this.#streams--;
          if (failure === undefined) request.succeed(null);
          else void failed(failure[0]);
        },
        teardownFailed: (error) => host.reportLater(error),
      });
    };
    try {
      const result = server.serve(host.connection, data, request);
      return isPromise(result) ? Promise.resolve(result).then(begin, failedToBegin) : begin(result);
    } catch (error) {
      return failedToBegin(error);
    }
  }

  /** Calls, and waits for what is returned: of an Observable, as with interceptors, it is the last value. */
  #settle(call: () => unknown, request: RpcRequest | undefined, outcome: Outcome): Completion {
    try {
      const result = call();
      if (isPromise(result) || result instanceof InterceptedReply || isObservable(result))
        return this.#settleLater(result, request, outcome);
      outcome.returned(result);
      return undefined;
    } catch (error) {
      return outcome.failed(error);
    }
  }

  async #settleLater(result: unknown, request: RpcRequest | undefined, outcome: Outcome): Promise<void> {
    let value: unknown;
    try {
      value = await result;
      // What was given up meanwhile need not begin.
      if (request?.isAnswered === true) outcome.returned(undefined);
      else if (value instanceof InterceptedReply)
        outcome.returned(await this.#last(value.values(observableOf), request));
      else outcome.returned(isObservable(value) ? await this.#last(value, request) : value);
    } catch (error) {
      await outcome.failed(error);
    }
    // An interceptor that did not wait for the method, a timeout perhaps, has answered; the next message waits all the same.
    if (value instanceof InterceptedReply) await value.end();
  }

  #last(values: Observable<unknown>, request: RpcRequest | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      let last: unknown;
      const subscriber = new QuietSubscriber<unknown>(
        { next: (value) => void (last = value), error: reject, complete: () => resolve(last) },
        (error) => this.#host.reportLater(error),
      );
      if (request !== undefined) {
        request.stop = () => {
          subscriber.unsubscribe();
          resolve(undefined);
        };
      }
      values.subscribe(subscriber);
    });
  }

  async #messageFailed(server: MemberServer<C>, data: unknown, error: unknown): Promise<void> {
    try {
      if (server.filter === undefined) throw error;
      await server.filter(this.#host.connection, data, error);
    } catch (failure) {
      await this.#host.report(failure);
    }
  }

  /** The client is told of it by the answer; `onError` of what is no exception for clients, and no filter took. */
  async #requestFailed(
    server: MemberServer<C>,
    request: RpcRequest,
    data: unknown,
    error: unknown,
  ): Promise<void> {
    // It was given up, and has stopped: that was the purpose.
    if (request.isAnswered && errorName(error) === 'AbortError') return;
    let failure = error;
    let isTold = false;
    try {
      if (server.filter === undefined) throw error;
      await server.filter(this.#host.connection, data, error);
      isTold = true;
    } catch (left) {
      failure = left;
      isTold = isInstance(left, HttpException);
    }
    request.fail(errorObject(failure));
    if (isTold) return;
    const isBeside = server.member.kind === 'streams' || this.#hooks.concurrency > 1;
    if (isBeside) this.#host.reportLater(failure);
    else await this.#host.report(failure);
  }

  #check({ member: { name, response } }: MemberServer<C>, what: string, value: unknown): void {
    if (this.#hooks.contract.validateOutgoing) checkOutgoing(`What ${name} ${what}`, response, value);
  }
}

/** The name of an error, of whichever realm it is: jest has a DOMException that is not its own Error. */
function errorName(error: unknown): unknown {
  try {
    return (Object(error) as { name?: unknown }).name;
  } catch {
    return undefined;
  }
}
