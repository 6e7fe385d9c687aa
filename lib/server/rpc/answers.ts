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
