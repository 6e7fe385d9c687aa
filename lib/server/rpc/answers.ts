import type { ErrorObject, RequestId } from '../../contract/json-rpc.js';

/** Where the answers to a message go. */
export interface Answers {
  /** One more is to come. */
  expect(): void;
  /** Here it is. */
  give(answer: string): void;
}

/** The answers of a batch: they leave together, when the last is there (JSON-RPC 2.0, section 6). */
export class BatchAnswers implements Answers {
  readonly #send: (text: string) => void;
  readonly #given: string[] = [];
  // One for the batch itself, while it is being read.
  #expected = 1;

  constructor(send: (text: string) => void) {
    this.#send = send;
  }

  expect(): void {
    this.#expected++;
  }

  give(answer: string): void {
    this.#given.push(answer);
    this.complete();
  }

  /** The batch has been read, or an answer given. */
  complete(): void {
    // A batch of nothing but notifications is not answered.
    if (--this.#expected === 0 && this.#given.length > 0) this.#send(`[${this.#given.join(',')}]`);
  }
}

/** An answer with a result. */
export function resultText(id: RequestId, result: unknown): string {
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${JSON.stringify(result) ?? 'null'}}`;
}

/** An answer with an error; without its data, if JSON can't carry that. */
export function errorText(id: RequestId, error: ErrorObject): string {
  try {
    return JSON.stringify({ jsonrpc: '2.0', id, error });
  } catch {
    const { code, message } = error;
    return JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } });
  }
}
