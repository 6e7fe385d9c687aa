import type { BackplaneHistory, TopicPosition } from './history.js';

/** What a backplane tells the instance of the application that it serves. */
export interface BackplaneObserver {
  /**
   * A message came on a channel that is subscribed to. Those that the instance published itself may be among them: it
   * knows its own.
   *
   * @param message nobody may change these bytes afterwards: they are not copied
   */
  receive(channel: string, message: Uint8Array): void;
  /**
   * Messages were appended to the history of a channel that is subscribed to, by this instance or another
   * (reference 16.2). They may come late, twice, out of order or not at all: whoever hears them sees that from their positions,
   * and reads what is missing.
   *
   * @param first the position of the first of them; each of the others stands one offset further
   */
  remembered(channel: string, first: TopicPosition, messages: readonly Uint8Array[]): void;
  /** Messages may have been lost though the broker was there: it is a history that knows which. */
  behind(): void;
  /** The history of a channel has what somebody else wrote there; it is ignored. */
  strange?(channel: string, error: Error): void;
  /**
   * The broker can not be reached any more, or not yet; what is published meanwhile is lost. Told once an outage, and again
   * when what keeps it away is something else.
   */
  away(error: Error): void;
  /** The broker is there again, and all channels are subscribed to again. */
  back(): void;
}

/**
 * Carries messages between the instances of an application (reference 14.2). `RedisBackplane`, `NatsBackplane` and
 * `ClusterBackplane` are backplanes; so is any object with these methods.
 *
 * What it has to promise: the messages of one instance on one channel arrive in the order in which they were published,
 * each of them at most once. It comes back from outages by itself, and then subscribes again to all of its channels.
 * Messages may be as long as the longest that the application sends, and a little more.
 */
export interface Backplane {
  /**
   * Connects to the broker.
   *
   * @returns a promise that rejects, and then nothing is left open, if the broker can not be reached or refuses: the
   * application does not start. A backplane that is to start without its broker calls `observer.away` and resolves.
   */
  connect(observer: BackplaneObserver): Promise<void>;
  /**
   * Receives what is published on these channels from now on. Not called while the broker is away; called again for channels
   * that it refused, so perhaps for some that are subscribed to already.
   *
   * @returns a promise of all of them being subscribed to; it rejects if the broker refuses
   */
  subscribe(channels: readonly string[]): Promise<void>;
  /** Receives no more of what is published on these channels; some may never have been subscribed to. */
  unsubscribe(channels: readonly string[]): void;
  /**
   * Publishes a message. Not called while the broker is away.
   *
   * @returns a promise that resolves when the message is no longer held in this process, whether it arrived or was lost
   * in an outage; it rejects if the broker refuses it
   */
  publish(channel: string, message: Uint8Array): Promise<void>;
  /** What the broker remembers, if it can; it may be there from {@link connect} on only. */
  readonly history?: BackplaneHistory | undefined;
  /**
   * Why there is no {@link history} though there could be one, and what to do about it: for an error at start-up. A backplane that has
   * this member, undefined, while its broker is away may find out later whether it can remember: the application starts.
   */
  readonly historyUnavailable?: string | undefined;
  /** Sends what was published, and disconnects. Nothing is told to the observer any more. Never rejects. */
  close(): Promise<void>;
}
