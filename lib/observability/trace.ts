import type { TracingChannel } from 'node:diagnostics_channel';
import { isPromise, type Completion } from '../foundation/promise.js';
import type { HookContext } from './events.js';

/** What is told of a traced operation when it is over. */
interface Traced {
  error?: unknown;
  duration?: number;
}

/**
 * One operation on a tracing channel: `start` and `end` around its synchronous part, in which whatever is bound to `start` is
 * the asynchronous context of all that it begins; `asyncStart` and `asyncEnd` when it is over, once, be that within the synchronous part.
 */
export class Trace<Context extends Traced> {
  readonly context: Context;
  readonly #channel: TracingChannel<unknown, Context>;
  readonly #startedAt = performance.now();

  constructor(channel: TracingChannel<unknown, Context>, context: Context) {
    this.#channel = channel;
    this.context = context;
  }

  /** Runs the synchronous part. */
  begin<T>(operation: () => T): T {
    const { start, end } = this.#channel;
    try {
      return start.runStores(this.context, operation);
    } finally {
      end.publish(this.context);
    }
  }

  /** Runs the operation, and tells when it is over. */
  run(step: () => Completion): Completion {
    const completion = this.begin(step);
    if (isPromise(completion)) return completion.then(() => this.over());
    this.over();
    return undefined;
  }

  failed(error: unknown): void {
    this.context.error = error;
    this.#channel.error.publish(this.context);
  }

  over(): void {
    this.context.duration = performance.now() - this.#startedAt;
    this.#channel.asyncStart.publish(this.context);
    this.#channel.asyncEnd.publish(this.context);
  }
}

/** A hook at work. */
export type HookTrace = Trace<HookContext<object, object>>;
