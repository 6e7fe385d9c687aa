import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Quietly } from './quietly.js';

/** Subscriptions that end together. */
export class Subscriptions {
  readonly #quietly: Quietly;
  readonly #ends: (() => void)[] = [];

  constructor(quietly: Quietly) {
    this.#quietly = quietly;
  }

  /** @param name of the channel, without the prefix that all have */
  add<Event>(name: string, hear: (event: Event) => void): void {
    const channel = name.startsWith('tracing:')
      ? name.replace(':', ':nestjs-4d-websocket:')
      : `nestjs-4d-websocket:${name}`;
    const subscriber = (event: unknown): void => this.#quietly.run(() => hear(event as Event));
    subscribe(channel, subscriber);
    this.onEnd(() => unsubscribe(channel, subscriber));
  }

  onEnd(end: () => void): void {
    this.#ends.push(end);
  }

  end(): void {
    for (const end of this.#ends.splice(0)) end();
  }
}
