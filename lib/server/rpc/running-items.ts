import { isObservable, type Observable } from 'rxjs';
import type { Completion } from '../../foundation/promise.js';
import { QuietSubscriber } from '../../foundation/quiet-subscriber.js';
import { iterate } from '../replies/async-iterable.js';
import { InterceptedReply } from '../replies/intercepted-reply.js';
import { isReplyStream } from '../replies/reply-stream.js';
import type { ItemReceiver } from './item-receiver.js';
import type { RpcRequest } from './rpc-request.js';

/** What hears how a stream ends. */
export interface ItemsObserver {
  /** Once: by itself, by a failure, or since the client wants no more. */
  ended(failure?: readonly [error: unknown]): void;
  /** Letting go of a stream failed: that concerns no client. */
  teardownFailed(error: unknown): void;
}

/**
 * Sends the items of a stream, beside the hooks.
 *
 * @param result what the method gave
 * @returns the end of the step: the method is over, and the stream has begun
 */
export function sendItems(
  request: RpcRequest,
  items: ItemReceiver,
  result: unknown,
  observer: ItemsObserver,
): Completion {
  let isOver = false;
  let begun = nothing;
  const end = (failure?: readonly [error: unknown]): void => {
    if (isOver) return;
    isOver = true;
    subscriber.unsubscribe();
    observer.ended(failure);
    begun();
  };
  // What came before a failure leaves before it.
  const fail = (error: unknown): void => {
    subscriber.unsubscribe();
    items.whenEmpty(() => end([error]));
  };
  const subscriber = new QuietSubscriber<unknown>(
    {
      next(item) {
        try {
          items.reply(item);
        } catch (error) {
          fail(error);
        }
      },
      error: fail,
      // A source that is asked no more, since the client goes away, ends when that is gone.
      complete: () => void (items.isOpen && items.whenEmpty(end)),
    },
    (error) => observer.teardownFailed(error),
  );
  const opened = (stream: unknown): Observable<unknown> => {
    begun();
    if (isObservable(stream)) return stream;
    if (typeof stream === 'object' && stream !== null && isReplyStream(stream))
      return iterate(stream as AsyncIterable<unknown>, items, (error) => observer.teardownFailed(error));
    throw new TypeError(`${request.method}() must return an Observable or an async iterable`);
  };
  request.items = items;
  request.stop = end;
  try {
    if (!(result instanceof InterceptedReply)) {
      opened(result).subscribe(subscriber);
      return undefined;
    }
    const step = new Promise<void>((resolve) => (begun = resolve));
    result.values(opened).subscribe(subscriber);
    // An interceptor that answered by itself need not have waited for the method; the next message waits all the same.
    return step.then(() => result.end()).then(nothing);
  } catch (error) {
    // What only looks like an Observable may throw.
    end([error]);
    return undefined;
  }
}

function nothing(): void {}
