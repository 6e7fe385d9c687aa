import { Logger } from '@nestjs/common';
import { Observable } from 'rxjs';
import { errorStack } from '../../errors/error-details.js';
import { QuietSubscriber } from '../../foundation/quiet-subscriber.js';

const logger = new Logger('WebSocketServer');

/**
 * An Observable of the application's, to be put behind operators of ours: its teardown may fail without harm. That concerns
 * nobody any more, and is logged.
 */
export function quietly<T>(source: Observable<T>): Observable<T> {
  return new Observable((subscriber) => {
    const quiet = new QuietSubscriber<T>(
      {
        next: (value) => subscriber.next(value),
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      },
      (error) => logger.error('The teardown of a stream failed', errorStack(error)),
    );
    source.subscribe(quiet);
    return () => quiet.unsubscribe();
  });
}
