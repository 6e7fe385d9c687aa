import { EMPTY, isObservable, type Observable } from 'rxjs';
import { discard, iterate } from './async-iterable.js';
import type { InterceptedReply } from './intercepted-reply.js';
import type { ReplyFailed, ReplyReceiver } from './reply-receiver.js';
import type { ReplyStream } from './reply-stream.js';
import { RunningStream, type Failure } from './running-stream.js';

/** The streams of one connection that are still running; they end when it closes. */
export class ReplyStreams {
  readonly #running = new Set<RunningStream>();
  #closed = false;

  constructor(private readonly receiver: ReplyReceiver) {}

  /** Sends each value of a stream that a handler returned, until it ends. */
  send(stream: ReplyStream, failed: ReplyFailed): void {
    if (this.#closed) {
      discard(stream);
      return;
    }
    const running = this.#add(false, failed, (failure) => {
      if (failure !== undefined) failed(failure.error);
    });
    running.start(this.#observableOf(stream, failed));
  }

  /**
   * Sends what interceptors make of a result.
   *
   * @returns a promise of the message being served; it rejects with what the interceptors, or the handler, fail with
   */
  sendIntercepted(reply: InterceptedReply, failed: ReplyFailed): Promise<void> {
    return new Promise((resolve, reject) => {
      const running = this.#add(true, failed, (failure) => {
        if (failure === undefined) resolve();
        else if (running.isAwaited) reject(failure.error as Error);
        else failed(failure.error);
      });
      const values = reply.values((stream) => {
        running.release();
        resolve();
        if (!this.#closed) return this.#observableOf(stream, failed);
        discard(stream);
        return EMPTY;
      });
      running.start(values);
    });
  }

  /** The connection is closed. */
  close(): void {
    this.#closed = true;
    for (const running of this.#running) running.close();
  }

  #add(isAwaited: boolean, failed: ReplyFailed, ended: (failure?: Failure) => void): RunningStream {
    const running = new RunningStream(this.receiver, isAwaited, failed, (failure) => {
      this.#running.delete(running);
      ended(failure);
    });
    this.#running.add(running);
    if (this.#closed) running.close();
    return running;
  }

  #observableOf(stream: ReplyStream, failed: ReplyFailed): Observable<unknown> {
    return isObservable(stream) ? stream : iterate(stream, this.receiver, failed);
  }
}
