/** What stands for all names that are too many. */
export const OTHER = 'other';

/**
 * Names for labels of metrics, of which there must not be without end whatever clients send: those that are known, as many others as
 * come first, and one for the rest.
 */
export class BoundedNames {
  readonly #names: Set<string>;
  readonly #most: number;

  /** @param others how many names there may be beside those that are known */
  constructor(others: number, known: Iterable<string> = []) {
    this.#names = new Set(known);
    this.#most = this.#names.size + others;
  }

  of(name: string): string {
    if (this.#names.has(name)) return name;
    if (this.#names.size >= this.#most) return OTHER;
    this.#names.add(name);
    return name;
  }
}
