import cluster, { type Worker } from 'node:cluster';

/** What workers and their primary send each other, under {@link MESSAGE_KEY}. */
export type RelayMessage =
  /** A worker is there; whether the bytes arrive as bytes tells how the two processes serialize. */
  | { kind: 'join'; probe: Uint8Array }
  | { kind: 'joined'; takesBytes: boolean }
  | { kind: 'subscribe' | 'unsubscribe'; channels: readonly string[] }
  | { kind: 'message'; channel: string; data: Uint8Array | string }
  | { kind: 'leave' };

const MESSAGE_KEY = 'nestjs-4d-websocket';

/** Bytes that may wait for a worker that does not read; past them its messages are dropped. */
const MAX_PENDING_BYTES = 16 * 1024 * 1024;

/** Puts a message of ours into an object that no other user of the channel takes for its own. */
export function wrap(message: RelayMessage): Record<string, RelayMessage> {
  return { [MESSAGE_KEY]: message };
}

/** The message of ours in what came; undefined if it is somebody else's. */
export function unwrap(message: unknown): RelayMessage | undefined {
  if (typeof message !== 'object' || message === null) return undefined;
  return (message as Record<string, RelayMessage | undefined>)[MESSAGE_KEY];
}

/** Bytes as the channel between two processes can carry them: JSON needs text. */
export function encodeBytes(bytes: Uint8Array, takesBytes: boolean): Uint8Array | string {
  return takesBytes
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

export function decodeBytes(data: Uint8Array | string): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data, 'base64') : data;
}

/** Takes the messages of the channels that it subscribed to. */
export interface RelayMember {
  deliver(channel: string, message: Uint8Array): void;
}

/** A worker, seen from the primary. */
class WorkerMember implements RelayMember {
  takesBytes = true;
  #pendingBytes = 0;

  constructor(private readonly worker: Worker) {}

  deliver(channel: string, message: Uint8Array): void {
    if (this.#pendingBytes > MAX_PENDING_BYTES) return;
    this.#pendingBytes += message.length;
    const data = encodeBytes(message, this.takesBytes);
    this.send({ kind: 'message', channel, data }, () => (this.#pendingBytes -= message.length));
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
      case 'leave':
        this.#forget(worker);
    }
  }

  #forget(worker: Worker): void {
    const member = this.#workers.get(worker);
    if (member === undefined) return;
    this.#workers.delete(worker);
    this.leave(member);
  }
}
