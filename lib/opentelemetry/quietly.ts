import { diag } from '@opentelemetry/api';

/**
 * Makes functions that never throw, since what a diagnostics channel's subscriber throws ends the process: an exporter, or a hook of the
 * application's, that fails is told of once.
 */
export class Quietly {
  #hasFailed = false;

  run<T>(step: () => T): T | undefined {
    try {
      return step();
    } catch (error) {
      if (!this.#hasFailed) {
        this.#hasFailed = true;
        diag.error('nestjs-4d-websocket: something is not instrumented', error);
      }
      return undefined;
    }
  }
}
