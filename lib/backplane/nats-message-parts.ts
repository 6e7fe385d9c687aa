/** How long the rest of a message may take, in milliseconds; its sender may have gone. */
const PART_TIMEOUT = 30_000;

interface Partial {
  readonly message: number;
  readonly parts: Uint8Array[];
  readonly timer: NodeJS.Timeout;
}

/** The place of a part, as its header tells it: `sender message index count`. */
const HEADER = /^(\S{1,64}) (\d{1,15}) (\d{1,9}) (\d{1,9})$/;

/**
 * Messages that are longer than a NATS server takes travel in parts. Those of one sender on one subject come in order, so
 * that there is at most one unfinished message of each.
 */
export class MessageParts {
  readonly #partials = new Map<string, Partial>();
  #messages = 0;

  /** @param sender a name for this process that no other has */
  constructor(private readonly sender: string) {}

  /** Cuts a message; each part comes with its header. */
  *split(message: Uint8Array, partLength: number): Generator<[part: Uint8Array, header: string]> {
    const number = ++this.#messages;
    const count = Math.ceil(message.length / partLength);
    for (let index = 0; index < count; index++) {
      const part = message.subarray(index * partLength, (index + 1) * partLength);
      yield [part, `${this.sender} ${number} ${index} ${count}`];
    }
  }

  /** Takes a part; returns the message that it completes. A message with a part missing is dropped. */
  join(subject: string, header: string, part: Uint8Array): Uint8Array | undefined {
    const found = HEADER.exec(header);
    if (found === null) return undefined;
    const key = `${subject} ${found[1]!}`;
    const [message, index, count] = [Number(found[2]), Number(found[3]), Number(found[4])];
    const partial = index === 0 ? this.#begin(key, message) : this.#partials.get(key);
    if (partial?.message !== message || partial.parts.length !== index) return undefined;
    partial.parts.push(part);
    if (partial.parts.length < count) return undefined;
    this.#forget(key);
    return Buffer.concat(partial.parts);
  }

  /** Forgets all unfinished messages. */
  clear(): void {
    for (const key of this.#partials.keys()) this.#forget(key);
  }

  #begin(key: string, message: number): Partial {
    this.#forget(key);
    const timer = setTimeout(() => this.#forget(key), PART_TIMEOUT);
    const partial: Partial = { message, parts: [], timer };
    this.#partials.set(key, partial);
    return partial;
  }

  #forget(key: string): void {
    clearTimeout(this.#partials.get(key)?.timer);
    this.#partials.delete(key);
  }
}
