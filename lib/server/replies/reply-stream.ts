import { isObservable, type Observable } from 'rxjs';

/** Values over time, as a handler may return them (reference 5.3). */
export type ReplyStream = Observable<unknown> | AsyncIterable<unknown>;

/** Whether a handler returned a stream. */
export function isReplyStream(value: object): value is ReplyStream {
  return (
    isObservable(value) ||
    typeof (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function'
  );
}
