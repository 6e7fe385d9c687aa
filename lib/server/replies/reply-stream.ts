import { isObservable, of, type Observable } from 'rxjs';

/** Values over time, as a handler may return them (reference 5.3). */
export type ReplyStream = Observable<unknown> | AsyncIterable<unknown>;

/** Whether a handler returned a stream. */
export function isReplyStream(value: object): value is ReplyStream {
  return (
    isObservable(value) ||
    typeof (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function'
  );
}

/** What interceptors get of a stream where one value is wanted: an Observable as it is, an async iterable as a value. */
export function observableOf(stream: ReplyStream): Observable<unknown> {
  return isObservable(stream) ? stream : of(stream);
}
