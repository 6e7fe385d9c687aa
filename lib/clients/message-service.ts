import type { ClientMessageEvent } from '../client/events.js';
import { isPromise, type Completion } from '../foundation/promise.js';
import type { MessageServer } from '../handlers/message-dispatch.js';
import { ReplyStreams } from '../server/replies/reply-streams.js';
import { sendable, sendReply, type Replier } from '../server/replies/send-reply.js';
import type { ClientSubject } from './client-hooks.js';

/** The client whose messages are served. */
export interface MessageClient extends ClientSubject, Pick<Replier, 'messageFailed' | 'streamFailed'> {
  readonly bufferedAmount: number;
  send(message: string | object): void;
  drain(threshold: number): Promise<void>;
}

/**
 * Serves the messages of a client, and sends back what is returned (reference 5.3), on the connection that the message
 * came from: a reply is not kept for the next one, and a stream ends with its connection.
 */
export class MessageService implements Replier {
  readonly #client: MessageClient;
  readonly #server: MessageServer<ClientSubject>;
  #streams = new ReplyStreams(this);
  // Hooks hear later, in their turn, that a connection is over: until then they serve what came from it.
  #ended = 0;
  #told = 0;

  constructor(client: MessageClient, server: MessageServer<ClientSubject>) {
    this.#client = client;
    this.#server = server;
  }

  /** A connection, or an attempt, is over. */
  connectionEnded(): void {
    if (this.#ended++ === this.#told) this.#streams.close();
  }

  /** The hooks hear that it is over: the messages after this are of another connection. */
  endTold(): void {
    this.#told++;
    this.#streams = new ReplyStreams(this);
    if (!this.isOpen) this.#streams.close();
  }

  serve({ data, isBinary }: ClientMessageEvent): Completion {
    try {
      const result = this.#server.message(this.#client, data, isBinary);
      if (result === undefined) return undefined;
      if (!isPromise(result)) return sendReply(this, result, data);
      return Promise.resolve(result).then(
        (value) => sendReply(this, value, data),
        (error: unknown) => this.messageFailed(error, data),
      );
    } catch (error) {
      return this.messageFailed(error, data);
    }
  }

  get bufferedAmount(): number {
    return this.#client.bufferedAmount;
  }

  /** Whether the connection that the messages come from is not over. */
  get isOpen(): boolean {
    return this.#ended <= this.#told;
  }

  get streams(): ReplyStreams {
    return this.#streams;
  }

  reply(value: unknown): void {
    if (value === undefined || value === null || !this.isOpen) return;
    this.#client.send(sendable(value));
  }

  drain(threshold: number): Promise<void> {
    return this.#client.drain(threshold);
  }

  messageFailed(error: unknown, data: unknown): Completion {
    return this.#client.messageFailed(error, data);
  }

  streamFailed(error: unknown, data: unknown): void {
    this.#client.streamFailed(error, data);
  }
}
