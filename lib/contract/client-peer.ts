import type {
  CallOptions,
  ContractBehind,
  ContractClient,
  ContractClientHost,
  StreamOptions,
} from './contract.js';
import { RpcError, SchemaError } from './errors.js';
import { ErrorCode, errorText, resultText, type ErrorObject, type JsonRpcMessage } from './json-rpc.js';
import { Requests } from './requests.js';
import { within } from './timeout.js';
import { validateParams } from './validate.js';

/** What is reported of a message that does not keep to the contract. */
const BAD_REQUEST = 400;

/** A client's end of a contract: what it asks the server, and what the server says and asks (reference 17). */
export class ClientPeer implements ContractClient {
  readonly #contract: ContractBehind;
  readonly #host: ContractClientHost;
  readonly #requests: Requests;
  /** What the server asked, and waits for, by its id. */
  readonly #asked = new Map<unknown, AbortController>();
  /** Fires when the connection is lost. */
  #connection = new AbortController();

  constructor(contract: ContractBehind, host: ContractClientHost) {
    this.#contract = contract;
    this.#host = host;
    this.#requests = new Requests(contract, host);
  }

  get isAsking(): boolean {
    return this.#requests.size > 0;
  }

  call(message: unknown, options?: CallOptions): Promise<unknown> {
    return this.#requests.call('calls', message, options);
  }

  stream(message: unknown, options?: StreamOptions): AsyncIterableIterator<unknown> {
    return this.#requests.stream(message, options);
  }

  received(message: unknown): void {
    const { id, method, params } = Object(message) as JsonRpcMessage;
    // Neither an answer nor an item waits behind a hook, which may itself wait for it.
    if (method === 'rpc.item') this.#requests.item(params);
    else if (method === 'rpc.cancel') this.#asked.get(Object(params).id)?.abort();
    else if (typeof method === 'string') this.#serve(method, params, id);
    else if (!this.#requests.answered(Object(message) as JsonRpcMessage))
      this.#host.run(() =>
        this.#host.fail(new Error('Neither a message of the contract nor an answer'), BAD_REQUEST),
      );
  }

  lost(isLast: boolean): void {
    for (const lost of [this.#connection, ...this.#asked.values()]) lost.abort();
    this.#connection = new AbortController();
    this.#asked.clear();
    this.#requests.lost(isLast);
  }

  #serve(method: string, params: unknown, id: unknown): void {
    const host = this.#host;
    const { members, timeout } = this.#contract;
    const isAsk = id !== undefined;
    const controller = isAsk ? new AbortController() : this.#connection;
    const connection = this.#connection;
    const answer = (error: ErrorObject | undefined, result?: unknown): void => {
      // Not one of another connection: nobody waits for it there.
      if (this.#asked.get(id) !== controller) return;
      const text = error ? errorText(id, error) : resultText(id, result);
      this.#asked.delete(id);
      host.send(text, () => connection === this.#connection);
    };
    if (isAsk) this.#asked.set(id, controller);
    host.run(async () => {
      if (isAsk && controller.signal.aborted) {
        // The server gave it up, or is gone, before its turn came.
        answer({ code: ErrorCode.CANCELLED, message: 'Cancelled' });
        return;
      }
      const member = members.get(method);
      let failure: readonly [error: unknown, code?: number];
      try {
        if (member?.kind !== (isAsk ? 'asks' : 'sends')) {
          answer({ code: ErrorCode.METHOD_NOT_FOUND, message: 'Method not found' });
          failure = [
            new Error(`The contract has no such ${isAsk ? 'ask' : 'message'}: ${method}`),
            BAD_REQUEST,
          ];
        } else {
          const found = await within(
            timeout,
            `The schema of ${method}`,
            Promise.resolve(validateParams(member.request, params)),
          );
          if (!found.issues) {
            answer(undefined, await host.call(method, found.value, controller.signal));
            return;
          }
          answer({ code: ErrorCode.INVALID_PARAMS, message: 'Invalid params', data: found.issues });
          failure = [new SchemaError(`What came of ${method}`, found.issues), BAD_REQUEST];
        }
      } catch (error) {
        if (isAsk && error instanceof RpcError) {
          const { code, message, data } = error;
          answer({ code, message, data });
          return;
        }
        answer({ code: ErrorCode.INTERNAL_ERROR, message: 'Internal error' });
        failure = [error];
      }
      await host.fail(...failure);
    });
  }
}
