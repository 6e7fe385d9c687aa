import type { CallOptions, ContractBehind, Member, MemberKind, StreamOptions } from './contract.js';
import { ConnectionLostError, RpcError, SchemaError } from './errors.js';
import { ItemQueue, WINDOW } from './item-queue.js';
import { notification, type ErrorObject, type JsonRpcMessage } from './json-rpc.js';
import { checkTimeout, within } from './timeout.js';
import { validateResult } from './validate.js';

/** Where requests go. */
export interface RequestChannel {
  /**
   * Sends a text, or keeps it.
   *
   * @param leaves asked when it leaves; if it says no, it does not
   * @returns whether it was taken
   */
  send(text: string, leaves?: () => boolean): boolean;
}

/** Why something failed; anything can be thrown. */
type Failure = readonly [reason: unknown];

/** A request that waits for its answer. */
interface Pending {
  readonly member: Member;
  readonly text: string;
  isSent: boolean;
  readonly items: ItemQueue | undefined;
  /** Ends it; only the first time counts. */
  end(failure?: Failure, result?: unknown): void;
}

/** What one end has asked the other: each ends exactly once (reference 17.4). The same on both ends. */
export class Requests {
  readonly #contract: ContractBehind;
  readonly #channel: RequestChannel;
  readonly #pending = new Map<unknown, Pending>();
  #lastId = 0;

  constructor(contract: ContractBehind, channel: RequestChannel) {
    this.#contract = contract;
    this.#channel = channel;
  }

  /** How many wait for their answers. */
  get size(): number {
    return this.#pending.size;
  }

  /**
   * Makes a call.
   *
   * @param kind what the message must be one of
   * @throws {TypeError} for what is no such message
   */
  call(
    kind: MemberKind,
    message: unknown,
    { timeout = this.#contract.timeout, signal }: CallOptions = {},
  ): Promise<unknown> {
    const member = this.#memberOf(kind, message);
    checkTimeout('call()', timeout);
    return new Promise((resolve, reject) => {
      const cancel = this.#begin(member, message as object, signal, undefined, (failure, result) => {
        clearTimeout(timer);
        if (failure) reject(failure[0]);
        else resolve(this.#checked(member, result, timeout));
      });
      const timer = setTimeout(
        () =>
          cancel(new DOMException(`${member.name} was not answered within ${timeout} ms`, 'TimeoutError')),
        timeout,
      );
    });
  }

  /**
   * Asks for a stream when the first item is asked for.
   *
   * @throws {TypeError} for what is no message of a stream
   */
  stream(message: unknown, { signal }: StreamOptions = {}): AsyncIterableIterator<unknown> {
    const member = this.#memberOf('streams', message);
    const items: ItemQueue = new ItemQueue(
      () => {
        let id: number;
        const cancel = this.#begin(member, message as object, signal, items, (failure) => items.end(failure));
        id = this.#lastId;
        return [cancel, (count) => this.#tell('rpc.pull', { id, items: count })];
      },
      (item) => this.#checked(member, item),
    );
    return items;
  }

  /**
   * The other end has answered.
   *
   * @returns whether it was asked, if only once upon a time
   */
  answered({ id, result, error }: JsonRpcMessage): boolean {
    const pending = this.#pending.get(id);
    if (error) {
      const { code, message, data } = error as ErrorObject;
      pending?.end([new RpcError(code, message, data)]);
    } else {
      pending?.end(undefined, result);
    }
    // What was given up is answered all the same, perhaps.
    return (id as number) > 0 && (id as number) <= this.#lastId;
  }

  /** An item of a stream has come. */
  item(params: unknown): void {
    const { id, item } = Object(params) as { id?: unknown; item?: unknown };
    this.#pending.get(id)?.items?.push(item);
  }

  /** The connection is lost: what may be made twice is, on the next one, if there is one. */
  lost(isLast: boolean): void {
    for (const [id, pending] of this.#pending) {
      const again = !isLast && (!pending.isSent || pending.member.idempotent);
      if (!again) pending.end([new ConnectionLostError()]);
      else if (pending.isSent) this.#send(id, pending);
    }
  }

  #memberOf(kind: MemberKind, message: unknown): Member {
    const { method } = Object(message) as JsonRpcMessage;
    const member = this.#contract.members.get(method as string);
    if (member?.kind === kind) return member;
    throw new TypeError(`Not one of the contract's ${kind}: ${String(method)}`);
  }

  /** @returns what gives the request up */
  #begin(
    member: Member,
    { method, params }: JsonRpcMessage,
    signal: AbortSignal | undefined,
    items: ItemQueue | undefined,
    ended: (failure?: Failure, result?: unknown) => void,
  ): (reason: unknown) => void {
    const id = ++this.#lastId;
    const pending: Pending = {
      member,
      text: JSON.stringify({ jsonrpc: '2.0', id, method, params, items: items && WINDOW }),
      isSent: false,
      items,
      end: (failure, result) => {
        if (!this.#pending.delete(id)) return;
        signal?.removeEventListener('abort', abort);
        ended(failure, result);
      },
    };
    const cancel = (reason: unknown): void => {
      if (!this.#pending.has(id)) return;
      pending.end([reason]);
      if (pending.isSent) this.#tell('rpc.cancel', { id });
    };
    const abort = (): void => cancel(signal!.reason);
    // What is no signal throws here, before anything waits for it.
    signal?.addEventListener('abort', abort);
    this.#pending.set(id, pending);
    if (signal?.aborted) queueMicrotask(abort);
    else this.#send(id, pending);
    return cancel;
  }

  #tell(method: string, params: object): void {
    try {
      this.#channel.send(notification(method, params));
    } catch {
      // There is no room for it while there is no connection: the request is over with the last one.
    }
  }

  #send(id: unknown, pending: Pending): void {
    pending.isSent = false;
    try {
      // What was given up meanwhile does not leave any more.
      const isTaken = this.#channel.send(
        pending.text,
        () => (pending.isSent = this.#pending.get(id) === pending),
      );
      if (isTaken) return;
      throw new ConnectionLostError();
    } catch (error) {
      queueMicrotask(() => pending.end([error]));
    }
  }

  /** Rejects with a SchemaError for a result that does not fit. */
  async #checked(
    { name, response }: Member,
    result: unknown,
    timeout = this.#contract.timeout,
  ): Promise<unknown> {
    let found = validateResult(response, result);
    if ('then' in found) found = await within(timeout, `The schema of ${name}`, found);
    if (found.issues) throw new SchemaError(`What ${name} was answered with`, found.issues);
    return found.value;
  }
}
