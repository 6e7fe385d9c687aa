import type { ClientMessageEvent } from '../client/events.js';
import { isPromise } from '../foundation/promise.js';
import type { MessageServer } from '../handlers/message-dispatch.js';
import { InterceptedReply } from '../server/replies/intercepted-reply.js';
import type { ReplyReceiver } from '../server/replies/reply-receiver.js';
import { isReplyStream } from '../server/replies/reply-stream.js';
import { ReplyStreams } from '../server/replies/reply-streams.js';
import type { ClientSubject } from './client-hooks.js';

/** Nothing when a step is over, a promise while it goes on; it never rejects. */
export type Completion = PromiseLike<void> | void;

/** The client whose messages are served. */
export interface MessageClient extends ClientSubject {
  readonly bufferedAmount: number;
  send(message: string | object): void;
  drain(threshold: number): Promise<void>;
}

/** Who hears of a message that failed. */
export interface MessageFailures {
  /** In the turn of the message. */
  failed(error: unknown, data: unknown): Completion;
  /** Beside the messages: it has to wait for its turn. */
  failedLater(error: unknown, data: unknown): void;
}

/**
 * Serves the messages of a client, and sends back what is returned (reference 5.3), on the connection that the message
 * came from: a reply is not kept for the next one, and a stream ends with its connection.
 */
export class MessageService implements ReplyReceiver {
  readonly #client: MessageClient;
  readonly #server: MessageServer<ClientSubject>;
  readonly #failures: MessageFailures;
  #streams = new ReplyStreams(this);
  // Hooks hear later, in their turn, that a connection is over: until then they serve what came from it.
  #ended = 0;
  #told = 0;

  constructor(client: MessageClient, server: MessageServer<ClientSubject>, failures: MessageFailures) {
    this.#client = client;
    this.#server = server;
    this.#failures = failures;
  }

  /** A connection, or an attempt, is over. */
  connectionEnded(): void {
    if (this.#ended++ === this.#told) this.#streams.close();
  }

  /** The hooks hear that it is over: the messages after this are of another connection. */
  endTold(): void {
    this.#told++;
    this.#streams = new ReplyStreams(this);
    if (this.#isEnded) this.#streams.close();
  }

  serve({ data, isBinary }: ClientMessageEvent): Completion {
    try {
      const result = this.#server.message(this.#client, data, isBinary);
      if (result === undefined) return undefined;
      if (!isPromise(result)) return this.#reply(result, data);
      return Promise.resolve(result).then(
        (value) => this.#reply(value, data),
        (error: unknown) => this.#failures.failed(error, data),
      );
    } catch (error) {
      return this.#failures.failed(error, data);
    }
  }

  get bufferedAmount(): number {
    return this.#client.bufferedAmount;
  }

  get isOpen(): boolean {
    return !this.#isEnded;
  }

  reply(value: unknown): void {
    if (value === undefined || value === null || this.#isEnded) return;
    const isPrimitive = typeof value === 'number' || typeof value === 'boolean';
    this.#client.send(isPrimitive ? JSON.stringify(value) : (value as string | object));
  }

  drain(threshold: number): Promise<void> {
    return this.#client.drain(threshold);
  }

  get #isEnded(): boolean {
    return this.#ended > this.#told;
  }

  #reply(value: unknown, data: unknown): Completion {
    try {
      if (value instanceof InterceptedReply) return this.#replyIntercepted(value, data);
      if (typeof value === 'object' && value !== null && isReplyStream(value)) {
        this.#streams.send(value, (error) => this.#failures.failedLater(error, data));
      } else {
        this.reply(value);
      }
      return undefined;
    } catch (error) {
      return this.#failures.failed(error, data);
    }
  }

  async #replyIntercepted(reply: InterceptedReply, data: unknown): Promise<void> {
    try {
      await this.#streams.sendIntercepted(reply, (error) => this.#failures.failedLater(error, data));
    } catch (error) {
      await this.#failures.failed(error, data);
    }
    // An interceptor that did not wait for the handler, a timeout perhaps, has answered; the next message waits all the same.
    await reply.end();
  }
}
