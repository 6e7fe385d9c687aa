import { EMPTY, from, isObservable, mergeMap, Observable, of, Subscriber, UnsubscriptionError } from 'rxjs';
import { isPromise } from '../foundation/promise.js';

/** Bytes that may wait for the client before an async iterable is asked for its next value. */
const PACE = 64 * 1024;

/** Whom replies go to. */
export interface ReplyReceiver {
  readonly bufferedAmount: number;
  /** Sends one value; throws a `TypeError` for one that can't be sent. */
  reply(value: unknown): void;
  /** Resolves when no more than so many bytes are buffered. */
  drain(threshold: number): Promise<void>;
}

/** Hears that a value could not be sent, or that a stream failed beside the messages. */
export type ReplyFailed = (error: unknown) => void;

/** Values over time, as a handler may return them (reference 5.3). */
export type ReplyStream = Observable<unknown> | AsyncIterable<unknown>;

/** Whether a handler returned a stream. */
export function isReplyStream(value: object): value is ReplyStream {
  return (
    isObservable(value) ||
    typeof (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function'
  );
}

/**
 * What interceptors make of the result of a message. Their values are sent, and the message is served when they end, and
 * the handler has (reference 6.1), however many observables are around it; only a stream that the handler itself returned goes on
 * beside the next message.
 */
export class InterceptedReply {
  readonly #intercept: (reply: InterceptedReply) => Observable<unknown>;
  #opened: (stream: ReplyStream) => Observable<unknown> = () => EMPTY;
  #handler: Promise<unknown> | undefined;
  #result: unknown;

  /** @param intercept makes the interceptors' values, and tells {@link InterceptedReply.returned} what the handler returned */
  constructor(intercept: (reply: InterceptedReply) => Observable<unknown>) {
    this.#intercept = intercept;
  }

  /** The end of the handler itself, which an interceptor need not have waited for; undefined if it was synchronous. */
  get handlerEnd(): Promise<unknown> | undefined {
    return this.#handler;
  }

  /** What the handler itself returned last, or promised; undefined if no interceptor called it. */
  get handlerResult(): unknown {
    return this.#result;
  }

  /** Asks the interceptors. `opened` hears of a stream that the handler itself returned, and gives it to the interceptors. */
  values(opened: (stream: ReplyStream) => Observable<unknown>): Observable<unknown> {
    this.#opened = opened;
    return this.#intercept(this);
  }

  /** The handler returned something: gives it as the Observable that interceptors get. */
  returned(result: unknown): Observable<unknown> {
    if (!isPromise(result)) return this.#observableOf(result);
    const promise = Promise.resolve(result);
    const ended = promise.then(ignore, ignore);
    // An interceptor may call the handler several times.
    this.#handler = this.#handler === undefined ? ended : Promise.all([this.#handler, ended]);
    return from(promise).pipe(mergeMap((value) => this.#observableOf(value)));
  }

  #observableOf(value: unknown): Observable<unknown> {
    this.#result = value;
    return typeof value === 'object' && value !== null && isReplyStream(value)
      ? this.#opened(value)
      : of(value);
  }
}

function ignore(): void {}

/** The streams of one connection that are still running; they end when it closes. */
export class ReplyStreams {
  readonly #running = new Set<RunningStream>();
  #closed = false;

  constructor(private readonly receiver: ReplyReceiver) {}

  /** Sends each value of a stream that a handler returned, until it ends. */
  send(stream: ReplyStream, failed: ReplyFailed): void {
    if (this.#closed) return;
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
        return this.#closed ? EMPTY : this.#observableOf(stream, failed);
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

interface Failure {
  readonly error: unknown;
}

/** A stream that is being sent. */
class RunningStream {
  readonly #receiver: ReplyReceiver;
  readonly #failed: ReplyFailed;
  readonly #ended: (failure?: Failure) => void;
  readonly #subscriber: QuietSubscriber;
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

/**
 * A subscriber whose teardown may fail: rxjs would throw that at whoever ends the stream, a timer of the application's
 * perhaps, and so end the process.
 */
class QuietSubscriber extends Subscriber<unknown> {
  constructor(
    observer: { next(value: unknown): void; error(error: unknown): void; complete(): void },
    private readonly failed: (error: unknown) => void,
  ) {
    super(observer);
  }

  override unsubscribe(): void {
    try {
      super.unsubscribe();
    } catch (error) {
      const errors: readonly unknown[] = error instanceof UnsubscriptionError ? error.errors : [error];
      this.failed(errors.length === 1 ? errors[0] : error);
    }
  }
}

/** An async iterable as an Observable, asked for its next value when the client has read most of those before. */
function iterate(
  iterable: AsyncIterable<unknown>,
  receiver: ReplyReceiver,
  failed: ReplyFailed,
): Observable<unknown> {
  return new Observable((subscriber) => {
    const iterator = iterable[Symbol.asyncIterator]();
    let isOver = false;
    const pull = async (): Promise<void> => {
      try {
        while (!subscriber.closed) {
          const { done, value } = await iterator.next();
          if (done === true) break;
          subscriber.next(value);
          // If the connection closes meanwhile, the subscriber is closed too.
          if (receiver.bufferedAmount > PACE) await receiver.drain(PACE).catch(() => undefined);
        }
        if (isOver) return;
        isOver = true;
        subscriber.complete();
      } catch (error) {
        // Once it was left, a stream fails because of that.
        if (isOver) return;
        isOver = true;
        subscriber.error(error);
      }
    };
    void pull();
    return () => {
      if (isOver) return;
      isOver = true;
      void leave(iterable, iterator).catch(failed);
    };
  });
}

/**
 * Tells an iterable that nobody asks it any more. A loop that is left calls `return()`; but that waits for the value that was
 * asked for last, and a stream of Node's that is silent would be open for as long.
 */
async function leave(iterable: AsyncIterable<unknown>, iterator: AsyncIterator<unknown>): Promise<void> {
  const { destroy } = iterable as { destroy?: unknown };
  if (typeof destroy === 'function') Reflect.apply(destroy, iterable, []);
  else await iterator.return?.();
}
