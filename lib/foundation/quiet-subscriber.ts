import { Subscriber, UnsubscriptionError } from 'rxjs';

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
