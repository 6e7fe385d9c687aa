import type { SharedMessage } from '../server/message/shared-message.js';
import { serverChannel, topicChannel } from './channel-names.js';
import { EntryKind } from './envelope.js';
import type { OutgoingEntry } from './outgoing-envelopes.js';

/** How the messages of a server leave this instance. */
export interface MessageCarrier {
  /** Says something on a channel. */
  say(channel: string, entry: OutgoingEntry): void;
  /** Says something to the instance that gave out a connection's id. */
  sayToOwner(id: number, entry: OutgoingEntry): void;
}

/** What is for the clients of one server, said to its other instances. Ids left out are those of connections. */
export class ServerMessages {
  readonly #carrier: MessageCarrier;
  readonly #name: string;

  /** @param name what the server is called among the instances: its path */
  constructor(carrier: MessageCarrier, name: string) {
    this.#carrier = carrier;
    this.#name = name;
  }

  broadcast({ isBinary, payload }: SharedMessage, except: readonly number[]): void {
    this.#carrier.say(serverChannel(this.#name), [EntryKind.MESSAGE, isBinary, payload, except]);
  }

  publish(topics: readonly string[], { isBinary, payload }: SharedMessage, except: readonly number[]): void {
    if (topics.length === 1) {
      const channel = topicChannel(this.#name, topics[0]!);
      this.#carrier.say(channel, [EntryKind.MESSAGE, isBinary, payload, except]);
    } else if (topics.length > 1) {
      // On a channel that all hear: on those of the topics some would hear it twice.
      const channel = serverChannel(this.#name);
      this.#carrier.say(channel, [EntryKind.TOPICS_MESSAGE, isBinary, payload, except, topics]);
    }
  }

  forgotten(topic: string): void {
    this.#carrier.say(topicChannel(this.#name, topic), [EntryKind.FORGOTTEN]);
  }

  sendTo(id: number, { isBinary, payload }: SharedMessage): void {
    this.#carrier.sayToOwner(id, [EntryKind.SEND, this.#name, payload, isBinary, id]);
  }

  terminateConnection(id: number, code: number | undefined, reason: string | undefined): void {
    this.#carrier.sayToOwner(id, [EntryKind.TERMINATE, this.#name, id, code ?? null, reason ?? null]);
  }
}
