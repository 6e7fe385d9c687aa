import { Observable, Subscriber, UnsubscriptionError } from 'rxjs';

/**
 * A subscriber whose teardown may fail: rxjs would throw that at whoever ends the stream, a timer of the application's
 * perhaps, and so end the process.
 */
export class QuietSubscriber<T> extends Subscriber<T> {
  constructor(
    observer: { next(value: T): void; error(error: unknown): void; complete(): void },
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

/** An Observable of the application's, to be put behind operators of ours: its teardown may fail without harm. */
export function quietly<T>(source: Observable<T>, failed: (error: unknown) => void): Observable<T> {
  return new Observable((subscriber) => {
    const quiet = new QuietSubscriber<T>(
      {
        next: (value) => subscriber.next(value),
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      },
      failed,
    );
    source.subscribe(quiet);
    return () => quiet.unsubscribe();
  });
}
