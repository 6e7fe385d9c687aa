import { Observable } from 'rxjs';
import type { ReplyFailed, ReplyReceiver } from './reply-receiver.js';

/** Bytes that may wait for the client before an async iterable is asked for its next value. */
const PACE = 64 * 1024;

/** An async iterable as an Observable, asked for its next value when the client has read most of those before. */
export function iterate(
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
