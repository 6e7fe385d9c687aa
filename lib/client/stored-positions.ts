import { decodePositions, type PositionsHeader } from '../protocol/client-header.js';
import { headerEnd, headerLine } from '../protocol/frame.js';
import type { ServerHeader } from '../protocol/server-header.js';
import type { ResumeStorage } from './client-options.js';
import { Positions } from './positions.js';

/** What hooks have finished with, kept where it outlives the page (reference 16.4). */
export class StoredPositions {
  readonly #storage: ResumeStorage;
  readonly #key: string;
  #failed: (error: unknown) => void;
  readonly #positions: Positions;
  #changed = false;

  readonly found: PositionsHeader | undefined;

  /** @param failed is told once that the storage throws or rejects */
  constructor(storage: ResumeStorage, key: string, failed: (error: unknown) => void) {
    this.#storage = storage;
    this.#key = key;
    this.#failed = failed;
    const line = this.#try(() => storage.getItem(key));
    try {
      this.found = decodePositions(line!, headerEnd(line!));
    } catch {
      // Nothing is there, or nothing of ours.
    }
    this.#positions = new Positions(this.found);
  }

  apply(header: ServerHeader): void {
    this.#positions.apply(header);
    // Once a turn.
    if (!this.#changed) setTimeout(() => this.save());
    this.#changed = true;
  }

  save(): void {
    if (!this.#changed) return;
    this.#changed = false;
    this.#try(() => this.#storage.setItem(this.#key, headerLine(this.#positions.header)));
  }

  #try<T>(use: () => T): T | undefined {
    const failed = (error: unknown) => {
      this.#failed(error);
      this.#failed = () => {};
    };
    try {
      const result = use();
      Promise.resolve(result).catch(failed);
      return result;
    } catch (error) {
      failed(error);
    }
  }
}
