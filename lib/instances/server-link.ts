import type { ConnectionCount, OtherInstances } from '../server/other-instances.js';
import { SharedMessage } from '../server/message/shared-message.js';
import type { ServerSession } from '../server/server-session.js';
import { serverChannel, topicChannel } from './channel-names.js';
import { ConnectionCounts } from './connection-counts.js';
import type { ConnectionIds } from './connection-ids.js';
import { EntryKind, type Entry, type Envelope } from './envelope.js';
import type { Interest } from './interest.js';
import type { OutgoingEntry } from './outgoing-envelopes.js';
import { Questions } from './questions.js';
import { ServerMessages, type MessageCarrier } from './server-messages.js';

/** What a link needs of its instance. */
export interface LinkOwner extends MessageCarrier {
  readonly ids: ConnectionIds;
  readonly interest: Interest;
  /** Whether other instances can be reached. */
  readonly available: boolean;
  /** Says something to one instance. */
  sayTo(instance: number, entry: OutgoingEntry): void;
  /** The link's server is closed. */
  left(link: ServerLink): void;
}

const NOBODY: ReadonlySet<number> = new Set();

/** One server's talk with the same server on the other instances. */
export class ServerLink implements OtherInstances {
  /** What the server is called among the instances: its path. */
  readonly name: string;
  readonly server: ServerSession;
  readonly #owner: LinkOwner;
  readonly #channel: string;
  readonly #messages: ServerMessages;
  readonly #counts = new ConnectionCounts();
  readonly #questions = new Questions();

  constructor(owner: LinkOwner, server: ServerSession) {
    this.#owner = owner;
    this.server = server;
    this.name = server.path ?? '';
    this.#channel = serverChannel(this.name);
    this.#messages = new ServerMessages(owner, this.name);
    owner.interest.add(this.#channel, (envelope) => this.#receive(envelope));
  }

  get available(): boolean {
    return this.#owner.available;
  }

  /** Tells the other instances that this one is here, and asks who else is. */
  greet(): void {
    this.#owner.say(this.#channel, [EntryKind.HELLO, this.name, true]);
  }

  nextConnectionId(): number {
    return this.#owner.ids.next();
  }

  broadcast(message: SharedMessage, except: readonly number[]): void {
    this.#messages.broadcast(message, except);
  }

  publish(topics: readonly string[], message: SharedMessage, except: readonly number[]): void {
    this.#messages.publish(topics, message, except);
  }

  forgotten(topic: string): void {
    this.#messages.forgotten(topic);
  }

  sendTo(id: number, message: SharedMessage): void {
    this.#messages.sendTo(id, message);
  }

  terminateConnection(id: number, code: number | undefined, reason: string | undefined): void {
    this.#messages.terminateConnection(id, code, reason);
  }

  countConnections(timeout: number): Promise<ConnectionCount> {
    const own = this.server.connections.length;
    if (!this.#owner.available) return Promise.resolve({ connections: own, instances: 1 });
    return this.#counts.count(own, timeout, (call) =>
      this.#owner.say(this.#channel, [EntryKind.COUNT, call]),
    );
  }

  ask(question: string, timeout: number): Promise<readonly string[]> {
    const needed = this.#owner.available ? this.#counts.known : 0;
    return this.#questions.ask(needed, timeout, (call) =>
      this.#owner.say(this.#channel, [EntryKind.ASK, call, question]),
    );
  }

  topicAdded(topic: string): void {
    this.#owner.interest.add(topicChannel(this.name, topic), (envelope) => this.#receive(envelope, [topic]));
  }

  topicRemoved(topic: string): void {
    this.#owner.interest.remove(topicChannel(this.name, topic));
  }

  leave(): void {
    this.#owner.say(this.#channel, [EntryKind.BYE]);
    this.#owner.interest.remove(this.#channel);
    this.unlinked();
    this.#owner.left(this);
  }

  /** The backplane is away: nobody will answer. */
  unlinked(): void {
    this.#counts.finishAll();
    this.#questions.finishAll();
  }

  /** An entry for this server alone, which came on the channel of the instance. */
  receiveOwn(entry: Entry, sender: number): void {
    switch (entry[0]) {
      case EntryKind.SEND: {
        const [, , payload, isBinary, id] = entry;
        this.server.deliverToOne(id, SharedMessage.encoded(payload, isBinary));
        return;
      }
      case EntryKind.TERMINATE: {
        const [, , id, code, reason] = entry;
        this.server.connections.get(id)?.terminate(code ?? undefined, reason ?? undefined);
        return;
      }
      case EntryKind.HELLO:
        this.#counts.heard(sender);
        return;
      case EntryKind.COUNTED:
        this.#counts.heard(sender);
        this.#counts.answer(entry[2], sender, entry[3], entry[4]);
        return;
      case EntryKind.ANSWER:
        this.#questions.answer(entry[2], entry[3]);
    }
  }

  async #answer(sender: number, call: number, question: string): Promise<void> {
    const answer = await this.server.answer?.(question);
    if (answer !== undefined) this.#owner.sayTo(sender, [EntryKind.ANSWER, this.name, call, answer]);
  }

  /** @param topics those of the channel; undefined for the channel that all hear */
  #receive({ sender, entries }: Envelope, topics?: readonly string[]): void {
    for (const entry of entries) {
      switch (entry[0]) {
        case EntryKind.MESSAGE: {
          const [, isBinary, payload, except] = entry;
          const message = SharedMessage.encoded(payload, isBinary);
          if (topics === undefined) this.server.deliverToAll(message, idSet(except));
          else this.server.deliverTo(topics, message, idSet(except));
          break;
        }
        case EntryKind.TOPICS_MESSAGE: {
          const [, isBinary, payload, except, several] = entry;
          this.server.deliverTo(several, SharedMessage.encoded(payload, isBinary), idSet(except));
          break;
        }
        case EntryKind.COUNT:
          this.#owner.sayTo(sender, [
            EntryKind.COUNTED,
            this.name,
            entry[1],
            this.server.connections.length,
            this.#counts.known + 1,
          ]);
          break;
        case EntryKind.ASK:
          void this.#answer(sender, entry[1], entry[2]);
          break;
        case EntryKind.FORGOTTEN:
          for (const topic of topics ?? []) this.server.forgotten(topic);
          break;
        case EntryKind.HELLO:
          // Who only publishes does not greet: it has no connections to be counted.
          this.#counts.heard(sender);
          if (entry[2]) this.#owner.sayTo(sender, [EntryKind.HELLO, this.name, false]);
          break;
        case EntryKind.BYE:
          this.#counts.left(sender);
      }
    }
  }
}

function idSet(ids: readonly number[]): ReadonlySet<number> {
  // Most messages leave nobody out.
  return ids.length === 0 ? NOBODY : new Set(ids);
}
