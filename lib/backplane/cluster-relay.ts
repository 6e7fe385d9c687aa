import cluster, { type Worker } from 'node:cluster';
import type { TopicPosition } from '../interfaces/index.js';
import { MemoryHistory } from '../remembered/memory-history.js';
import {
  decodeBytes,
  encodeBytes,
  unwrap,
  wrap,
  type HistoryQuestion,
  type RelayMessage,
  type SentPage,
} from './cluster-messages.js';

/** Bytes that may wait for a worker that does not read; past them its messages are dropped. */
const MAX_PENDING_BYTES = 16 * 1024 * 1024;

/** Takes the messages of the channels that it subscribed to. */
export interface RelayMember {
  deliver(channel: string, message: Uint8Array): void;
  deliverRemembered(channel: string, first: TopicPosition, messages: readonly Uint8Array[]): void;
}

/** A worker, seen from the primary. */
class WorkerMember implements RelayMember {
  takesBytes = true;
  #pendingBytes = 0;
  #isBehind = false;

  constructor(private readonly worker: Worker) {}

  deliver(channel: string, message: Uint8Array): void {
    if (!this.#takes(message.length)) return;
    const data = encodeBytes(message, this.takesBytes);
    this.send({ kind: 'message', channel, data }, () => this.#sent(message.length));
  }

  deliverRemembered(channel: string, first: TopicPosition, messages: readonly Uint8Array[]): void {
    const bytes = messages.reduce((sum, { length }) => sum + length, 0);
    if (!this.#takes(bytes)) return;
    const data = messages.map((message) => encodeBytes(message, this.takesBytes));
    this.send({ kind: 'remembered', channel, first, messages: data }, () => this.#sent(bytes));
  }

  #takes(bytes: number): boolean {
    if (this.#pendingBytes > MAX_PENDING_BYTES) {
      this.#isBehind = true;
      return false;
    }
    this.#pendingBytes += bytes;
    return true;
  }

  #sent(bytes: number): void {
    this.#pendingBytes -= bytes;
    if (!this.#isBehind || this.#pendingBytes > MAX_PENDING_BYTES / 2) return;
    // It reads again: it may ask for what it missed.
    this.#isBehind = false;
    this.send({ kind: 'behind' });
  }

  /** Sends as long as the worker is there; it may die at any moment, which is no error of the primary's. */
  send(message: RelayMessage, sent: () => void = () => undefined): void {
    // Only with a callback a failure is not an 'error' that ends the process.
    if (this.worker.isConnected()) this.worker.send(wrap(message), sent);
    else sent();
  }
}

/** Passes messages on between workers; it lives in the primary process. */
export class ClusterRelay {
  readonly #subscribers = new Map<string, Set<RelayMember>>();
  readonly #workers = new Map<Worker, WorkerMember>();
  #listening = false;
  /** What is remembered of all channels; it lives as long as the primary. */
  readonly history = new MemoryHistory((channel, first, messages) => {
    for (const member of this.#subscribers.get(channel) ?? [])
      member.deliverRemembered(channel, first, messages);
  });

  /** Listens to the workers, those of now and those to come. */
  listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    // Workers that are forked from now on take bytes as they are; others get them as text.
    cluster.setupPrimary({ serialization: 'advanced' });
    cluster.on('message', (worker, message: unknown) => this.#receive(worker, unwrap(message)));
    cluster.on('disconnect', (worker) => this.#forget(worker));
    cluster.on('exit', (worker) => this.#forget(worker));
  }

  subscribe(member: RelayMember, channels: readonly string[]): void {
    for (const channel of channels) {
      const subscribers = this.#subscribers.get(channel);
      if (subscribers === undefined) this.#subscribers.set(channel, new Set([member]));
      else subscribers.add(member);
    }
  }

  /** A member subscribes to nothing any more. */
  leave(member: RelayMember): void {
    this.unsubscribe(member, this.#subscribers.keys());
  }

  unsubscribe(member: RelayMember, channels: Iterable<string>): void {
    for (const channel of channels) {
      const subscribers = this.#subscribers.get(channel);
      if (subscribers?.delete(member) && subscribers.size === 0) this.#subscribers.delete(channel);
    }
  }

  /** Delivers a message to all that subscribed to its channel, but for its sender. */
  publish(sender: RelayMember, channel: string, message: Uint8Array): void {
    for (const member of this.#subscribers.get(channel) ?? []) {
      if (member !== sender) member.deliver(channel, message);
    }
  }

  #receive(worker: Worker, message: RelayMessage | undefined): void {
    if (message === undefined) return;
    if (message.kind === 'join') {
      const member = new WorkerMember(worker);
      member.takesBytes = message.probe instanceof Uint8Array;
      this.#workers.set(worker, member);
      member.send({ kind: 'joined', takesBytes: member.takesBytes });
      return;
    }
    const member = this.#workers.get(worker);
    if (member === undefined) return;
    switch (message.kind) {
      case 'subscribe':
        this.subscribe(member, message.channels);
        break;
      case 'unsubscribe':
        this.unsubscribe(member, message.channels);
        break;
      case 'message':
        this.publish(member, message.channel, decodeBytes(message.data));
        break;
      case 'ask':
        void this.#answer(member, message.id, message.question);
        break;
      case 'leave':
        this.#forget(worker);
    }
  }

  async #answer(member: WorkerMember, id: number, question: HistoryQuestion): Promise<void> {
    member.send({ kind: 'answer', id, answer: await this.#ask(question, member.takesBytes) });
  }

  async #ask(question: HistoryQuestion, takesBytes: boolean): Promise<TopicPosition | SentPage | null> {
    const { history } = this;
    switch (question.task) {
      case 'append':
        return history.append(question.channel, question.messages.map(decodeBytes), question.bounds);
      case 'read': {
        const { channel, after, limit, bounds } = question;
        const { epoch, newest, oldest, entries } = await history.read(channel, after, limit, bounds);
        const messages = entries.map(({ message }) => encodeBytes(message, takesBytes));
        return { epoch, newest, oldest, first: entries[0]?.offset ?? 0, messages };
      }
      case 'forget':
        await history.forget(question.channel, question.epoch);
        return null;
    }
  }

  #forget(worker: Worker): void {
    const member = this.#workers.get(worker);
    if (member === undefined) return;
    this.#workers.delete(worker);
    this.leave(member);
  }
}
