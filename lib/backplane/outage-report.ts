import type { BackplaneObserver } from '../interfaces/index.js';

/** Tells an observer of each outage once, and of its end; of the first connection nothing, for `connect` resolves then. */
export class OutageReport {
  #away = false;

  constructor(private readonly observer: BackplaneObserver) {}

  away(error: Error): void {
    if (this.#away) return;
    this.#away = true;
    this.observer.away(error);
  }

  /** The broker is there, and refuses to subscribe to channels that it had: an outage begins, or goes on for this reason. */
  refused(error: Error): void {
    this.#away = true;
    this.observer.away(error);
  }

  back(): void {
    if (!this.#away) return;
    this.#away = false;
    this.observer.back();
  }
}
