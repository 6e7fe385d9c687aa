import cluster from 'node:cluster';
import { BackplaneError } from '../errors/backplane.error.js';
import type { Backplane, BackplaneHistory, BackplaneObserver } from '../interfaces/index.js';
import { ClusterHistory } from './cluster-history.js';
import { decodeBytes, encodeBytes, unwrap, wrap, type RelayMessage } from './cluster-messages.js';
import { ClusterRelay, type RelayMember } from './cluster-relay.js';

const NAME = 'ClusterBackplane';
/** How long the primary process may take to answer a worker, in milliseconds. */
const JOIN_TIMEOUT = 5_000;

/** The relay of this process, if it is a primary. */
const relay = new ClusterRelay();

/**
 * Connects the workers of `node:cluster` through their primary process (reference 14.2): no broker is needed to use all cores of
 * one machine. The primary calls {@link ClusterBackplane.setupPrimary} before it forks.
 *
 * In a process that is no worker it works as well: such an application is an instance too.
 */
export class ClusterBackplane implements Backplane {
  /** This instance, as the relay of its own process knows it. */
  readonly #member: RelayMember = {
    deliver: (channel, message) => this.#observer?.receive(channel, message),
    deliverRemembered: (channel, first, messages) => this.#observer?.remembered(channel, first, messages),
  };
  readonly #history = new ClusterHistory((message) => {
    void send(message);
    return process.connected;
  });
  #observer: BackplaneObserver | undefined;
  #takesBytes = true;

  /** The memory of the primary process (reference 16.1): what is remembered is gone with it. */
  get history(): BackplaneHistory {
    return cluster.isWorker ? this.#history : relay.history;
  }

  /** Has this process pass messages on between its workers. To be called in the primary, before it forks. */
  static setupPrimary(): void {
    if (cluster.isWorker) {
      throw new BackplaneError(NAME, 'setupPrimary() is for the primary process; this is a worker');
    }
    relay.listen();
  }

  /** @throws {BackplaneError} if the primary process does not answer within 5 seconds */
  async connect(observer: BackplaneObserver): Promise<void> {
    if (this.#observer !== undefined) {
      throw new BackplaneError(NAME, 'it is connected already; make one for each application');
    }
    this.#observer = observer;
    if (!cluster.isWorker) {
      relay.listen();
      return;
    }
    process.on('message', this.#onMessage);
    process.on('disconnect', this.#onDisconnect);
    try {
      await this.#join();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    if (cluster.isWorker) await send({ kind: 'subscribe', channels });
    else relay.subscribe(this.#member, channels);
  }

  unsubscribe(channels: readonly string[]): void {
    if (cluster.isWorker) void send({ kind: 'unsubscribe', channels });
    else relay.unsubscribe(this.#member, channels);
  }

  async publish(channel: string, message: Uint8Array): Promise<void> {
    if (cluster.isWorker) {
      await send({ kind: 'message', channel, data: encodeBytes(message, this.#takesBytes) });
    } else {
      relay.publish(this.#member, channel, message);
    }
  }

  async close(): Promise<void> {
    if (this.#observer === undefined) return;
    this.#observer = undefined;
    if (!cluster.isWorker) {
      relay.leave(this.#member);
      return;
    }
    process.off('message', this.#onMessage);
    process.off('disconnect', this.#onDisconnect);
    this.#history.lost('it is closed');
    await send({ kind: 'leave' });
  }

  async #join(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const onMessage = (message: unknown): void => {
        const answer = unwrap(message);
        if (answer?.kind !== 'joined') return;
        this.#takesBytes = answer.takesBytes;
        this.#history.takesBytes = answer.takesBytes;
        clearTimeout(timer);
        process.off('message', onMessage);
        resolve();
      };
      const timer = setTimeout(() => {
        process.off('message', onMessage);
        reject(
          new BackplaneError(
            NAME,
            `the primary process did not answer within ${JOIN_TIMEOUT} ms; it has to call ` +
              'ClusterBackplane.setupPrimary() before it forks',
          ),
        );
      }, JOIN_TIMEOUT);
      process.on('message', onMessage);
      void send({ kind: 'join', probe: new Uint8Array(1) });
    });
  }

  readonly #onMessage = (message: unknown): void => {
    const received = unwrap(message);
    switch (received?.kind) {
      case 'message':
        this.#observer?.receive(received.channel, decodeBytes(received.data));
        break;
      case 'remembered':
        this.#observer?.remembered(received.channel, received.first, received.messages.map(decodeBytes));
        break;
      case 'behind':
        this.#observer?.behind();
        break;
      case 'answer':
        this.#history.answered(received.id, received.answer);
    }
  };

  readonly #onDisconnect = (): void => {
    this.#history.lost('the primary process is gone');
    this.#observer?.away(new BackplaneError(NAME, 'the primary process is gone'));
  };
}

/** Sends to the primary; resolves when it is on its way, or when there is no primary any more. */
function send(message: RelayMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send!(wrap(message), undefined, undefined, () => resolve());
    else resolve();
  });
}
