import type { Observable } from 'rxjs';
import { QuietSubscriber } from '../../foundation/quiet-subscriber.js';
import type { ReplyFailed, ReplyReceiver } from './reply-receiver.js';

/** Why a stream ended, if it did not end by itself. */
export interface Failure {
  readonly error: unknown;
}

/** A stream that is being sent. */
export class RunningStream {
  readonly #receiver: ReplyReceiver;
  readonly #failed: ReplyFailed;
  readonly #ended: (failure?: Failure) => void;
  readonly #subscriber: QuietSubscriber<unknown>;
  #isAwaited: boolean;
  #hasValue = false;
  #isClosed = false;
  #isOver = false;

  /**
   * @param isAwaited whether a message waits for its end
   * @param ended called once
   */
  constructor(
    receiver: ReplyReceiver,
    isAwaited: boolean,
    failed: ReplyFailed,
    ended: (failure?: Failure) => void,
  ) {
    this.#receiver = receiver;
    this.#failed = failed;
    this.#isAwaited = isAwaited;
    this.#ended = ended;
    this.#subscriber = new QuietSubscriber(
      {
        next: (value) => this.#send(value),
        error: (error: unknown) => this.#end({ error }),
        complete: () => this.#end(),
      },
      failed,
    );
  }

  get isAwaited(): boolean {
    return this.#isAwaited;
  }

  start(values: Observable<unknown>): void {
    try {
      values.subscribe(this.#subscriber);
    } catch (error) {
      // What only looks like an Observable may throw.
      this.#end({ error });
    }
  }

  /** No message waits for its end any more. */
  release(): void {
    this.#isAwaited = false;
    if (this.#isClosed) this.#unsubscribe();
  }

  /**
   * The connection is closed. What has given a value and goes on is a stream, and ends now; a single value that a message
   * waits for is waited for, as a promise is.
   */
  close(): void {
    this.#isClosed = true;
    if (!this.#isAwaited || this.#hasValue) this.#unsubscribe();
  }

  #send(value: unknown): void {
    this.#hasValue = true;
    if (this.#isClosed) {
      this.#unsubscribe();
      return;
    }
    try {
      this.#receiver.reply(value);
    } catch (error) {
      this.#failed(error);
    }
  }

  #unsubscribe(): void {
    this.#subscriber.unsubscribe();
    this.#end();
  }

  #end(failure?: Failure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ended(failure);
  }
}
