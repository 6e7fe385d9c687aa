import { Logger } from '@nestjs/common';
import type { Backplane, BackplaneObserver, TopicPosition } from '../interfaces/index.js';
import { BackplaneError } from '../errors/backplane.error.js';
import { backplaneChannel } from '../observability/channels.js';
import { InvalidHandlerError } from '../errors/invalid-handler.error.js';
import { errorDetails } from '../errors/error-details.js';
import type { ServerSession } from '../server/server-session.js';
import { instanceChannel } from './channel-names.js';
import { blockOf, ConnectionIds } from './connection-ids.js';
import { packEnvelope, unpackEnvelope, type Entry, UnreadableEnvelopeError } from './envelope.js';
import { toError } from './failure.js';
import { InstanceStore } from './instance-store.js';
import { Interest } from './interest.js';
import { OutgoingEnvelopes, type OutgoingEntry } from './outgoing-envelopes.js';
import { ProblemReports } from './problem-reports.js';
import type { RemoteServer } from './remote-server.js';
import { ServerLink, type LinkOwner } from './server-link.js';

/** Bytes that may wait for the broker; past them messages to other instances are dropped. */
const MAX_PENDING_BYTES = 16 * 1024 * 1024;
/** How long the last messages may take when the application closes, in milliseconds. */
const CLOSE_TIMEOUT = 2000;

const logger = new Logger('FourDWebSocketModule');

/** This instance of the application among the others: all that its servers say and hear goes through here. */
export class ThisInstance implements BackplaneObserver, LinkOwner {
  readonly ids = new ConnectionIds((block) => this.#hearAs(block));
  readonly interest: Interest;
  /** What the broker remembers. */
  readonly store: InstanceStore;
  readonly #backplane: Backplane;
  readonly #links = new Map<string, ServerLink>();
  readonly #remotes = new Map<string, RemoteServer>();
  readonly #outgoing: OutgoingEnvelopes;
  readonly #reports = new ProblemReports((problem, cause) => this.#tell(problem, cause));
  #started = false;
  #state: 'closed' | 'available' | 'away' = 'closed';
  #outage: Error | undefined;
  /** Bytes that the backplane has and the broker not yet. */
  #pendingBytes = 0;
  #congested = false;
  /** Raised with every outage: what was published before is lost, and no longer counted. */
  #outages = 0;
  #drained: () => void = () => undefined;

  constructor(backplane: Backplane) {
    this.#backplane = backplane;
    this.store = new InstanceStore(
      () => (this.#state === 'available' ? backplane.history : undefined),
      () => (this.#state === 'available' ? this.forgetful : 'the backplane is away'),
    );
    this.interest = new Interest(backplane, {
      subscribed: (channels) => this.store.missed(channels),
      refused: (channels, error) =>
        this.#report(
          'not subscribed',
          `The backplane refuses to subscribe to ${enumerate(channels)}, and is asked again`,
          error,
        ),
      accepted: () => this.#greet(),
      kept: (channels, error) =>
        this.#report(
          'not unsubscribed',
          `The backplane does not unsubscribe from ${enumerate(channels)}`,
          error,
        ),
    });
    this.#outgoing = new OutgoingEnvelopes(
      (channel, entries, bytes) => this.#publish(channel, entries, bytes),
      (error) => {
        this.#report('blob', 'A Blob could not be read for the other instances', error);
        this.#relieve();
      },
    );
  }

  /** Whether other instances can be reached. */
  get available(): boolean {
    return this.#state === 'available' && !this.#congested;
  }

  /** Why its broker does not remember, and what to do. */
  get forgetful(): string {
    const { historyUnavailable, constructor } = this.#backplane;
    return historyUnavailable ?? `${constructor.name} has no history`;
  }

  /** Whether its broker remembers. */
  get remembers(): boolean {
    const backplane = this.#backplane;
    if (backplane.history !== undefined) return true;
    // One whose broker is not there yet may find out when it is.
    return (
      this.#state === 'away' &&
      'historyUnavailable' in backplane &&
      backplane.historyUnavailable === undefined
    );
  }

  /** Connects; rejects as {@link Backplane.connect}. */
  async connect(): Promise<void> {
    this.#state = 'available';
    try {
      await this.#backplane.connect(this);
    } catch (error) {
      this.#state = 'closed';
      throw this.#startError('connect', error);
    }
    this.#hearAs(this.ids.firstBlock);
  }

  /**
   * Connects a server with the same server on the other instances.
   *
   * @throws {InvalidHandlerError} if another server has its path, on another port: they would hear each other
   */
  join(server: ServerSession): void {
    const name = server.path ?? '';
    const other = this.#links.get(name);
    if (other !== undefined) {
      throw new InvalidHandlerError(
        server.name,
        `${other.server.name} has the same path on another port, and instances tell servers apart by their ` +
          'paths; give one of them another path, or the option backplane: false',
      );
    }
    const link = new ServerLink(this, server);
    this.#links.set(name, link);
    server.join(link);
    // If the broker refuses, all are greeted when it no longer does.
    if (!this.#started) return;
    this.interest.update().then(
      () => link.greet(),
      () => undefined,
    );
  }

  /** Publishes to the clients of a server of this path from now on; such a server need not run here. */
  reach(path: string, server: RemoteServer): void {
    this.#remotes.set(path, server);
  }

  /** A server is closed. */
  left(link: ServerLink): void {
    this.#links.delete(link.name);
  }

  /** Waits until the servers that joined hear the others, then greets these; rejects if the broker refuses. */
  async ready(): Promise<void> {
    try {
      // Once more, should the backplane be away and back meanwhile.
      while (this.#state === 'available' && !this.interest.isOpen) await this.interest.open();
    } catch (error) {
      throw this.#startError('subscribe', error);
    }
    if (this.#state === 'closed') return;
    this.#started = true;
    if (this.#outage !== undefined) this.#tellOutage(this.#outage);
    this.#greet();
  }

  /** Says something on a channel at the end of this turn; nothing, while the backplane is away. */
  say(channel: string, entry: OutgoingEntry): void {
    if (!this.available) return;
    if (this.#pendingBytes + this.#outgoing.bytes > MAX_PENDING_BYTES) {
      this.#congest();
      return;
    }
    this.#outgoing.add(channel, entry);
  }

  /** Says something to one instance. */
  sayTo(instance: number, entry: OutgoingEntry): void {
    this.say(instanceChannel(instance), entry);
  }

  /** Says something to the instance that gave out a connection's id. */
  sayToOwner(id: number, entry: OutgoingEntry): void {
    // An own id that its server does not know is of a connection that is closed.
    if (!this.ids.has(id)) this.say(instanceChannel(blockOf(id)), entry);
  }

  receive(channel: string, bytes: Uint8Array): void {
    const receiver = this.interest.receiver(channel);
    // A last message of a channel that was just left.
    if (receiver === undefined) return;
    try {
      const envelope = unpackEnvelope(bytes);
      if (envelope.sender !== this.ids.firstBlock) receiver(envelope);
    } catch (error) {
      // What looks like an envelope may still ask for what can't be, such as a close code that is none.
      const reason = error instanceof UnreadableEnvelopeError ? error.reason : 'foreign';
      this.#report(reason, `A message on the channel ${channel} is ignored`, error);
    }
  }

  remembered(channel: string, first: TopicPosition, messages: readonly Uint8Array[]): void {
    this.store.remembered(channel, first, messages);
  }

  behind(): void {
    this.store.missed();
  }

  strange(channel: string, error: Error): void {
    this.#report('strange', `What is strange in the history of the channel ${channel} is ignored`, error);
  }

  away(error: Error): void {
    const reason = toError(error);
    if (this.#state === 'available') {
      this.#state = 'away';
      this.#publishState(reason);
      this.#forget();
      this.interest.hold();
      for (const link of this.#links.values()) link.unlinked();
      // At start-up there may be nobody to tell yet.
      if (this.#started) this.#tellOutage(reason);
    } else if (this.#state === 'away' && this.#started && reason.message !== this.#outage?.message) {
      this.#reports.report('still away', 'The backplane is still away', reason);
    }
    this.#outage = reason;
  }

  back(): void {
    if (this.#state !== 'away') return;
    this.#state = 'available';
    this.#outage = undefined;
    this.#publishState();
    logger.log('The backplane is back: other instances are reached again');
    this.store.missed();
    if (!this.#started) return;
    // Answers are heard when what was wanted meanwhile is subscribed to. A refusal is told, and asked about again.
    this.interest.open().then(
      () => this.#greet(),
      () => undefined,
    );
  }

  /** Sends what was said, as long as the broker takes it, and disconnects. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    if (this.#state === 'available') {
      this.#outgoing.flush();
      await this.#drain();
    }
    this.#state = 'closed';
    this.#started = false;
    this.#forget();
    this.interest.clear();
    try {
      await this.#backplane.close();
    } catch (error) {
      this.#tell('The backplane does not close', error);
    }
  }

  #hearAs(block: number): void {
    this.interest.add(instanceChannel(block), ({ sender, entries }) => {
      for (const entry of entries) {
        const server = entry[1];
        if (typeof server !== 'string') continue;
        this.#links.get(server)?.receiveOwn(entry, sender);
        this.#remotes.get(server)?.receiveOwn(entry, sender);
      }
    });
  }

  #publish(channel: string, entries: readonly Entry[], bytes: number): void {
    if (this.#state !== 'available') return;
    const outages = this.#outages;
    const settled = (): void => {
      if (outages !== this.#outages) return;
      this.#pendingBytes -= bytes;
      this.#relieve();
      if (this.#pendingBytes === 0) this.#drained();
    };
    this.#pendingBytes += bytes;
    this.#hand(channel, entries).then(settled, (error: unknown) => {
      settled();
      this.#report('not published', `The backplane does not publish on the channel ${channel}`, error);
    });
  }

  /** What a backplane throws is a refusal too. */
  async #hand(channel: string, entries: readonly Entry[]): Promise<void> {
    await this.#backplane.publish(channel, packEnvelope(this.ids.firstBlock, entries));
  }

  #congest(): void {
    this.#congested = true;
    const reason = new Error('The broker is slower than what is published');
    this.#publishState(reason);
    this.#tell(
      `The backplane is away: its broker does not keep up, more than ${MAX_PENDING_BYTES} bytes wait for it; ` +
        'clients of this instance are served, other instances are not reached',
      reason,
    );
  }

  /** Less waits than a moment ago. */
  #relieve(): void {
    if (!this.#congested || this.#pendingBytes + this.#outgoing.bytes > MAX_PENDING_BYTES / 2) return;
    this.#congested = false;
    this.#publishState();
    logger.log('The backplane is back: its broker keeps up again');
    this.#greet();
  }

  /** @param error why other instances can't be reached */
  #publishState(error?: Error): void {
    if (!backplaneChannel.hasSubscribers) return;
    const event = { backplane: this.#backplane, available: error === undefined };
    backplaneChannel.publish(error === undefined ? event : { ...event, error });
  }

  #greet(): void {
    for (const link of this.#links.values()) link.greet();
  }

  #forget(): void {
    this.#outages++;
    this.#outgoing.clear();
    this.#pendingBytes = 0;
    this.#congested = false;
    this.#drained();
  }

  async #drain(): Promise<void> {
    if (this.#pendingBytes === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      new Promise<void>((resolve) => (this.#drained = resolve)),
      new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_TIMEOUT))),
    ]);
    clearTimeout(timer);
  }

  #tellOutage(error: Error): void {
    this.#tell(
      'The backplane is away: clients of this instance are served, other instances are not reached',
      error,
    );
  }

  /** Tells of what may happen with each message; nothing at start-up, which fails, and during an outage. */
  #report(kind: string, problem: string, cause: unknown): void {
    if (this.#started && this.#state === 'available') this.#reports.report(kind, problem, cause);
  }

  /** Tells the handlers of all servers; without a server, the log. */
  #tell(problem: string, thrown: unknown): void {
    const cause = toError(thrown);
    const error = new Error(`${problem}: ${cause.message}`, { cause });
    if (this.#links.size === 0) logger.error(error.message, cause.stack);
    for (const { server } of this.#links.values()) server.report(errorDetails(error, 'bkpl'));
  }

  /** What ends the start: what the backplane says, as long as it is an error. */
  #startError(method: 'connect' | 'subscribe', thrown: unknown): Error {
    const cause = toError(thrown);
    if (cause === thrown) return cause;
    const { name } = this.#backplane.constructor ?? {};
    return new BackplaneError(
      name === undefined || name === 'Object' ? 'Backplane' : name,
      `${method}() rejects with what is no Error, or can not be read: ${cause.message}`,
      { cause },
    );
  }
}

function enumerate([first, ...others]: readonly string[]): string {
  return others.length === 0 ? `the channel ${first}` : `the channel ${first} and ${others.length} others`;
}
