import type { CallOptions } from '../../contract/contract.js';
import {
  errorText,
  isRequestId,
  type ErrorObject,
  type JsonRpcMessage,
  type RequestId,
} from '../../contract/json-rpc.js';
import { Requests } from '../../contract/requests.js';
import type { Completion } from '../../foundation/promise.js';
import { MESSAGE_DECODERS } from '../message/message-decoder.js';
import { BatchAnswers, type Answers } from './answers.js';
import type { ContractHooks, SignalSource } from './contract-hooks.js';
import { OverlappingCalls } from './overlapping-calls.js';
import { INVALID_REQUEST, PARSE_ERROR } from './rpc-error.js';
import { RpcRequest } from './rpc-request.js';
import { RpcService, type ServiceHost } from './rpc-service.js';

/** The connection behind a link. */
export interface LinkHost<C> extends ServiceHost<C> {
  /** Whether its time is over: what waits is not served. */
  readonly isExpired: boolean;
  /** Runs a step when what came before it is done. */
  perform(step: () => Completion, bytes?: number): void;
  /** A message could not be decoded, as a step. */
  messageFailed(error: unknown, data: unknown): Completion;
  /** It began, or ceased, to wait for answers of the client's. */
  askingChanged(): void;
}

/** How many messages a batch may have: it is remembered until all are answered. */
const MAX_BATCH = 1000;

/** What a client takes that says nothing of how many items it takes. */
const UNPACED = Infinity;

/**
 * JSON-RPC 2.0 on one connection (reference 17.2). What the client says and asks waits its turn among the hooks; what it
 * answers, and what it gives up, does not: a hook may be waiting for it.
 *
 * @typeParam C the connection
 */
export class RpcLink<C> implements SignalSource {
  readonly #hooks: ContractHooks<C>;
  readonly #host: LinkHost<C>;
  readonly #service: RpcService<C>;
  readonly #calls: OverlappingCalls;
  /** What the client asked, and was not answered at once. */
  readonly #asked = new Map<RequestId, RpcRequest>();
  readonly #single: Answers;
  /** Made for the first question to the client. */
  #requests: Requests | undefined;
  #controller: AbortController | undefined;
  #isClosed = false;
  /** Nothing new is served any more. */
  #isDraining = false;

  constructor(hooks: ContractHooks<C>, host: LinkHost<C>) {
    this.#hooks = hooks;
    this.#host = host;
    this.#service = new RpcService(hooks, host);
    this.#calls = new OverlappingCalls(hooks.concurrency);
    this.#single = { expect: () => undefined, give: (answer) => host.sendText(answer) };
  }

  /** Fires when the client is gone. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#isClosed) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  /** Whether it waits for an answer of the client's. */
  get isAsking(): boolean {
    return this.#requests !== undefined && this.#requests.size > 0;
  }

  /** A message came. */
  received(data: Buffer, isBinary: boolean): void {
    let message: unknown;
    try {
      message = MESSAGE_DECODERS.object(data, isBinary);
    } catch (error) {
      this.#refuse(this.#single, null, PARSE_ERROR);
      this.#host.perform(() => this.#host.messageFailed(error, undefined), data.length);
      return;
    }
    if (Array.isArray(message)) this.#readBatch(message, data.length);
    else this.#take(message, data.length, this.#single);
  }

  /**
   * Asks the client.
   *
   * @throws {TypeError} for what is none of the contract's `asks`
   */
  async call(message: unknown, options?: CallOptions): Promise<unknown> {
    const host = this.#host;
    this.#requests ??= new Requests(this.#hooks.contract, {
      send(text, leaves) {
        if (!host.isOpen) return false;
        if (leaves === undefined || leaves()) host.sendText(text);
        return true;
      },
    });
    const answered = this.#requests.call('asks', message, options);
    host.askingChanged();
    try {
      return await answered;
    } finally {
      host.askingChanged();
    }
  }

  /** Serves what has come; after that only answers are heard. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Serves nothing more, not even what has come; streams end. */
  expire(): void {
    this.#isDraining = true;
    for (const request of this.#asked.values()) if (request.items !== undefined) request.cancel();
  }

  /** What runs beside the hooks is over. */
  idle(): Completion {
    return this.#calls.idle();
  }

  /** The connection is over: nobody waits for what it asked, and nobody answers. */
  closed(): void {
    this.#isClosed = true;
    this.#controller?.abort();
    for (const request of this.#asked.values()) request.cancel();
    this.#requests?.lost(true);
  }

  #readBatch(messages: readonly unknown[], bytes: number): void {
    if (messages.length === 0 || messages.length > MAX_BATCH) {
      this.#refuse(this.#single, null, INVALID_REQUEST);
      return;
    }
    const answers = new BatchAnswers((text) => this.#host.sendText(text));
    const share = Math.ceil(bytes / messages.length);
    for (const message of messages) this.#take(message, share, answers);
    answers.complete();
  }

  #take(message: unknown, bytes: number, answers: Answers): void {
    const host = this.#host;
    const given = Object(message) as JsonRpcMessage;
    const { jsonrpc, id, method, params } = given;
    if (jsonrpc === '2.0' && method === undefined && id !== undefined) {
      this.#answered(given, answers);
      return;
    }
    const isNotification = id === undefined;
    const isValid =
      jsonrpc === '2.0' &&
      typeof method === 'string' &&
      (isNotification || isRequestId(id)) &&
      (params === undefined || (typeof params === 'object' && params !== null));
    if (!isValid) {
      this.#refuse(answers, isRequestId(id) ? id : null, INVALID_REQUEST);
    } else if (isNotification) {
      if (method === 'rpc.cancel') this.#asked.get(idOf(params))?.cancel();
      else if (method === 'rpc.pull') this.#pull(params);
      else if (!this.#isDraining)
        host.perform(() => (host.isExpired ? undefined : this.#service.message(method, params, this)), bytes);
    } else if (this.#asked.has(id)) {
      this.#refuse(answers, id, { ...INVALID_REQUEST, data: 'The id is in use' });
    } else if (!this.#isDraining) {
      const { items: credit = UNPACED } = given;
      const isCredit = credit === UNPACED || (Number.isSafeInteger(credit) && (credit as number) > 0);
      if (!isCredit) {
        this.#refuse(answers, id, { ...INVALID_REQUEST, data: '"items" must be a positive integer' });
        return;
      }
      const request = new RpcRequest({ id, method, params, credit: credit as number }, answers, this.#asked);
      host.perform(
        () => this.#calls.begin(() => (host.isExpired ? undefined : this.#service.request(request))),
        bytes,
      );
      // Most calls are answered at once: to remember them for nothing would cost as much as all else about them.
      if (!request.isAnswered) this.#remember(request);
    }
  }

  #remember(request: RpcRequest): void {
    this.#asked.set(request.id, request);
    // Its method may have closed the connection.
    if (this.#isClosed) request.cancel();
  }

  #answered(message: JsonRpcMessage, answers: Answers): void {
    if (this.#requests?.answered(message)) return;
    // An error about nothing is no answer, and answering it would go on for ever.
    if (message.id !== null || message.error === undefined) this.#refuse(answers, null, INVALID_REQUEST);
  }

  #pull(params: object | undefined): void {
    const { items } = Object(params) as { items?: unknown };
    if (Number.isSafeInteger(items) && (items as number) > 0)
      this.#asked.get(idOf(params))?.items?.pull(items as number);
  }

  #refuse(answers: Answers, id: RequestId, error: ErrorObject): void {
    answers.expect();
    answers.give(errorText(id, error));
  }
}

function idOf(params: object | undefined): RequestId {
  return (Object(params) as { id: RequestId }).id;
}
