import type { ContractClient } from '../contract/contract.js';
import type { ComponentSignature } from '../interfaces/ws-error.js';
import { errorEvent } from './error-details.js';

/** A handler as the runner sees it: an object that may have hooks. */
export type Hooks = Partial<
  Record<string, (client: unknown, event: unknown, signal?: AbortSignal) => unknown>
>;

/** A step that may take its time. It never fails. */
export type HookStep = () => PromiseLike<void> | void;

/** What a hook that failed is reported with. */
const HOOK_FAILED = 1011;

/** What a connection that broke, or could not be had, is reported with. */
const BROKEN = 1006;

/** Runs the hooks of one client, one at a time and in order; what they throw ends at `onError` (reference 15.3). */
export class HookRunner {
  readonly #client: unknown;
  readonly #handler: Hooks;
  #waiting: HookStep[] = [];
  #steps: HookStep[] = [];
  #next = 0;
  #busy = false;

  /** The client's end of its contract, if it has one. */
  declare contract?: ContractClient | undefined;

  /** Called at once when a connection, or an attempt, is over; hooks hear of it in their turn. */
  declare closed?: () => void;

  constructor(client: unknown, handler: Hooks) {
    this.#client = client;
    this.#handler = handler;
  }

  /** How many steps wait. */
  get length(): number {
    return this.#waiting.length + this.#steps.length - this.#next;
  }

  /** Runs steps now, or when those before them are done; what the first one leads to comes after the others. */
  run(...steps: HookStep[]): void {
    this.#waiting.push(...steps);
    if (!this.#busy) this.#goOn();
  }

  #goOn(): void {
    this.#busy = true;
    while (this.#next < this.#steps.length || this.#refill()) {
      const pending = this.#steps[this.#next++]!();
      if (pending) {
        void pending.then(() => this.#goOn());
        return;
      }
    }
    this.#busy = false;
  }

  /** Takes all that wait, so that steps which are done are held no longer than their neighbours. */
  #refill(): boolean {
    this.#steps = this.#waiting;
    this.#waiting = [];
    this.#next = 0;
    return this.#steps.length > 0;
  }

  /** Calls a method of the handler; what it throws is the caller's affair. */
  invoke(method: string, data: unknown, signal?: AbortSignal): unknown {
    return this.#handler[method]?.(this.#client, data, signal);
  }

  /**
   * Calls a hook, as a step.
   *
   * @param failed is told what the hook throws or rejects with
   */
  call(
    hook: string,
    event: object,
    failed: (error: unknown) => PromiseLike<void> | void = (error) => this.fail(error, 'user'),
  ): PromiseLike<void> | void {
    try {
      const result = this.invoke(hook, event) as Partial<PromiseLike<unknown>> | undefined;
      if (typeof result?.then === 'function') return Promise.resolve(result).then(() => undefined, failed);
    } catch (error) {
      return failed(error);
    }
  }

  /** Tells `onError` of a failure, as a step. Without `onError` the console is told of what the application did wrong. */
  fail(
    error: unknown,
    componentSignature: ComponentSignature = 'wsck',
    errCode: number = componentSignature === 'user' ? HOOK_FAILED : BROKEN,
  ): PromiseLike<void> | void {
    if (this.#handler.onError) {
      return this.call('onError', errorEvent(error, componentSignature, errCode), logError);
    }
    if (componentSignature === 'user') logError(error);
  }
}

const logError = (error: unknown): void => console.error(error);
