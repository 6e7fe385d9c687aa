import { errorText, resultText, type ErrorObject, type RequestId } from '../../contract/json-rpc.js';
import type { Answers } from './answers.js';
import type { SignalSource } from './contract-hooks.js';
import type { ItemReceiver } from './item-receiver.js';
import { CANCELLED } from './rpc-error.js';

/** A call, or a stream, that a client asked for: answered exactly once (reference 17.4). */
export class RpcRequest implements SignalSource {
  readonly id: RequestId;
  readonly method: string;
  readonly params: unknown;
  /** How many items of a stream the client takes before it asks for more. */
  readonly credit: number;
  readonly #answers: Answers;
  readonly #asked: Map<RequestId, RpcRequest>;
  #controller: AbortController | undefined;
  #isAnswered = false;
  /** Whom the items of a stream go to, once it runs. */
  items: ItemReceiver | undefined;
  /** Ends what runs, and can be ended: the subscription of a stream. */
  stop: (() => void) | undefined;

  /** @param asked what is still to be answered: if it is among that, it leaves it when it is */
  constructor(
    { id, method, params, credit }: Pick<RpcRequest, 'id' | 'method' | 'params' | 'credit'>,
    answers: Answers,
    asked: Map<RequestId, RpcRequest>,
  ) {
    this.id = id;
    this.method = method;
    this.params = params;
    this.credit = credit;
    this.#answers = answers;
    this.#asked = asked;
    answers.expect();
  }

  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#isAnswered) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  /** The client does not want it any more, or is gone. */
  cancel(): void {
    if (this.#isAnswered) return;
    this.fail(CANCELLED);
    this.#controller?.abort();
    this.items?.close();
    this.stop?.();
  }

  /** @throws {TypeError} for a result that JSON can't carry; it is still to be answered */
  succeed(result: unknown): undefined {
    if (!this.#isAnswered) this.#give(resultText(this.id, result));
  }

  fail(error: ErrorObject): undefined {
    if (!this.#isAnswered) this.#give(errorText(this.id, error));
  }

  #give(answer: string): void {
    this.#isAnswered = true;
    this.#asked.delete(this.id);
    this.#answers.give(answer);
  }
}
