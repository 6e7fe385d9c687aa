import { EMPTY, from, mergeMap, of, type Observable } from 'rxjs';
import { isPromise } from '../../foundation/promise.js';
import { quietly } from './quiet-observable.js';
import { isReplyStream, type ReplyStream } from './reply-stream.js';

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
  #isOver = false;

  /** @param intercept makes the interceptors' values, and tells {@link InterceptedReply.returned} what the handler returned */
  constructor(intercept: (reply: InterceptedReply) => Observable<unknown>) {
    this.#intercept = intercept;
  }

  /** Whether the message was answered without the handler: it is too late to call it. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * The message is answered: a handler that was not called is not called any more.
   *
   * @returns the end of the handler, which an interceptor need not have waited for; undefined if it is over
   */
  end(): Promise<unknown> | undefined {
    this.#isOver = true;
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
    return from(promise).pipe(mergeMap((value) => quietly(this.#observableOf(value))));
  }

  #observableOf(value: unknown): Observable<unknown> {
    this.#result = value;
    return typeof value === 'object' && value !== null && isReplyStream(value)
      ? this.#opened(value)
      : of(value);
  }
}

function ignore(): void {}
