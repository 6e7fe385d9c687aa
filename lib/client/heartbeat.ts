import type { HeartbeatOptions } from './client-options.js';

/** Notices that a connection is dead though its socket looks alive. */
export class Heartbeat {
  readonly #interval: number;
  readonly #timeout: number;
  readonly #ping: () => void;
  readonly #dead: () => void;
  #heardAt = performance.now();
  #timer: ReturnType<typeof setTimeout>;

  /**
   * @param ping asks the server for a sign of life
   * @param dead there was none
   */
  constructor({ interval, timeout }: Required<HeartbeatOptions>, ping: () => void, dead: () => void) {
    this.#interval = interval;
    this.#timeout = timeout;
    this.#ping = ping;
    this.#dead = dead;
    this.#timer = setTimeout(() => this.#look(), interval);
  }

  /** Something came from the server. */
  heard(): void {
    this.#heardAt = performance.now();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  // In two steps: a process that was busy or asleep reads what came meanwhile before it judges.
  #look(): void {
    const heardAt = this.#heardAt;
    const left = heardAt + this.#interval - performance.now();
    if (left > 0) {
      this.#timer = setTimeout(() => this.#look(), left);
      return;
    }
    this.#ping();
    this.#timer = setTimeout(() => {
      if (this.#heardAt === heardAt) this.#dead();
      else this.#look();
    }, this.#timeout);
  }
}
