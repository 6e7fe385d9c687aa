import type { ConnectionCount, OtherInstances } from '../server/other-instances.js';
import { SharedMessage } from '../server/shared-message.js';
import type { WebSocketServer } from '../server/web-socket-server.js';
import { serverChannel, topicChannel } from './channel-names.js';
import type { ClusterMember } from './cluster-member.js';
import { ConnectionCounts } from './connection-counts.js';
import { EntryKind, type Entry, type Envelope } from './envelope.js';

const NOBODY: ReadonlySet<number> = new Set();

/** One server's talk with the same server on the other instances. */
export class ServerLink implements OtherInstances {
  /** What the server is called among the instances: its path. */
  readonly name: string;
  readonly server: WebSocketServer;
  readonly #member: ClusterMember;
  readonly #channel: string;
  readonly #counts = new ConnectionCounts();

  constructor(member: ClusterMember, server: WebSocketServer) {
    this.#member = member;
    this.server = server;
    this.name = server.path ?? '';
    this.#channel = serverChannel(this.name);
    member.interest.add(this.#channel, (envelope) => this.#receive(envelope, this.server.connections));
  }

  /** Tells the other instances that this one is here, and asks who else is. */
  greet(): void {
    this.#member.say(this.#channel, [EntryKind.HELLO, this.name, true]);
  }

  nextConnectionId(): number {
    return this.#member.ids.next();
  }

  broadcast({ isBinary, payload }: SharedMessage, except: readonly number[]): void {
    this.#member.say(this.#channel, [EntryKind.MESSAGE, isBinary, payload, except]);
  }

  publish(topics: readonly string[], { isBinary, payload }: SharedMessage, except: readonly number[]): void {
    if (topics.length === 1) {
      this.#member.say(topicChannel(this.name, topics[0]!), [EntryKind.MESSAGE, isBinary, payload, except]);
    } else if (topics.length > 1) {
      // On a channel that all hear: on those of the topics some would hear it twice.
      this.#member.say(this.#channel, [EntryKind.TOPICS_MESSAGE, isBinary, payload, except, topics]);
    }
  }

  sendTo(id: number, { isBinary, payload }: SharedMessage): void {
    this.#member.sayToOwner(id, [EntryKind.SEND, this.name, payload, isBinary, id]);
  }

  terminateConnection(id: number, code: number | undefined, reason: string | undefined): void {
    this.#member.sayToOwner(id, [EntryKind.TERMINATE, this.name, id, code ?? null, reason ?? null]);
  }

  countConnections(timeout: number): Promise<ConnectionCount> {
    const own = this.server.connections.length;
    if (!this.#member.available) return Promise.resolve({ connections: own, instances: 1 });
    return this.#counts.count(own, timeout, (call) =>
      this.#member.say(this.#channel, [EntryKind.COUNT, call]),
    );
  }

  topicAdded(topic: string): void {
    this.#member.interest.add(topicChannel(this.name, topic), (envelope) =>
      this.#receive(envelope, this.server.subscriptions.get(topic)),
    );
  }

  topicRemoved(topic: string): void {
    this.#member.interest.remove(topicChannel(this.name, topic));
  }

  leave(): void {
    this.#member.say(this.#channel, [EntryKind.BYE]);
    this.#member.interest.remove(this.#channel);
    this.#counts.finishAll();
    this.#member.left(this);
  }

  /** The backplane is away: nobody will answer. */
  unlinked(): void {
    this.#counts.finishAll();
  }

  /** An entry for this server alone, which came on the channel of the instance. */
  receiveOwn(entry: Entry, sender: number): void {
    this.#counts.heard(sender);
    switch (entry[0]) {
      case EntryKind.SEND: {
        const [, , payload, isBinary, id] = entry;
        const connection = this.server.connections.get(id);
        if (connection === undefined) return;
        this.server.deliver(SharedMessage.encoded(payload, isBinary), [connection], NOBODY);
        return;
      }
      case EntryKind.TERMINATE: {
        const [, , id, code, reason] = entry;
        this.server.connections.get(id)?.terminate(code ?? undefined, reason ?? undefined);
        return;
      }
      case EntryKind.COUNTED:
        this.#counts.answer(entry[2], sender, entry[3]);
    }
  }

  #receive({ sender, entries }: Envelope, receivers: Parameters<WebSocketServer['deliver']>[1]): void {
    this.#counts.heard(sender);
    for (const entry of entries) {
      switch (entry[0]) {
        case EntryKind.MESSAGE: {
          const [, isBinary, payload, except] = entry;
          this.server.deliver(SharedMessage.encoded(payload, isBinary), receivers, idSet(except));
          break;
        }
        case EntryKind.TOPICS_MESSAGE: {
          const [, isBinary, payload, except, topics] = entry;
          const subscribers = this.server.subscribers(topics);
          this.server.deliver(SharedMessage.encoded(payload, isBinary), subscribers, idSet(except));
          break;
        }
        case EntryKind.COUNT:
          this.#member.sayTo(sender, [
            EntryKind.COUNTED,
            this.name,
            entry[1],
            this.server.connections.length,
          ]);
          break;
        case EntryKind.HELLO:
          if (entry[2]) this.#member.sayTo(sender, [EntryKind.HELLO, this.name, false]);
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
