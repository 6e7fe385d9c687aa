import type { Observable, Subscription } from 'rxjs';
import type { Sendable, WebSocketConnection } from './web-socket-connection.js';

/** The Observables that a connection's `onMessage` returned and that are still running (SPEC 5.3). */
export class ReplyStreams {
  readonly #subscriptions = new Set<Subscription>();

  /** Sends each value to the client until the stream ends or the connection closes. */
  add(values: Observable<unknown>, connection: WebSocketConnection, failed: (error: unknown) => void): void {
    let ended = false;
    let subscription: Subscription | undefined;
    const end = (): void => {
      ended = true;
      if (subscription !== undefined) this.#subscriptions.delete(subscription);
    };
    subscription = values.subscribe({
      next: (value) => {
        if (value === undefined || value === null) return;
        try {
          connection.send(value as Sendable);
        } catch (error) {
          failed(error);
        }
      },
      error: (error: unknown) => {
        end();
        failed(error);
      },
      complete: end,
    });
    // A synchronous stream has ended before there was a subscription to remember.
    if (!ended) this.#subscriptions.add(subscription);
  }

  /** Unsubscribes from all. */
  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.#subscriptions.clear();
  }
}
