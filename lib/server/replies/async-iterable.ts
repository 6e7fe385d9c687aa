import { Observable } from 'rxjs';
import type { ReplyFailed, ReplyReceiver } from './reply-receiver.js';

/** Bytes that may wait for the client before an async iterable is asked for its next value. */
const PACE = 64 * 1024;
/** Values after which other connections get their turn, however fast an iterable is. */
const VALUES_A_TURN = 64;

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
        let values = 0;
        // A client that is closing hears nothing more, though its socket may be open for a while.
        while (!subscriber.closed && receiver.isOpen) {
          const { done, value } = await iterator.next();
          if (done === true) {
            isOver = true;
            break;
          }
          subscriber.next(value);
          // If the connection closes meanwhile, the subscriber is closed too.
          if (receiver.bufferedAmount > PACE) await receiver.drain(PACE).catch(() => undefined);
          else if (++values % VALUES_A_TURN === 0) await new Promise(setImmediate);
        }
        // Not over, it was left: unsubscribing says so.
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

/** A stream that nobody will hear: it is not begun, and one of Node's is let go of, with whatever it holds open. */
export function discard(stream: object): void {
  const { destroy, on } = stream as { destroy?: unknown; on?: unknown };
  if (typeof destroy !== 'function') return;
  // It may fail before it is destroyed: to open a file that is not there.
  if (typeof on === 'function') Reflect.apply(on, stream, ['error', () => undefined]);
  Reflect.apply(destroy, stream, []);
}
