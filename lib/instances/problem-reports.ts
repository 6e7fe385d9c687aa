/** How long a kind of problem is told no second time, in milliseconds. */
const INTERVAL = 60_000;

interface Kind {
  toldAt: number;
  /** How often it happened since. */
  untold: number;
}

/** Problems that may come with each message: of each kind one a minute is told, with the number of those that were not. */
export class ProblemReports {
  readonly #kinds = new Map<string, Kind>();

  constructor(private readonly tell: (problem: string, cause: unknown) => void) {}

  report(kind: string, problem: string, cause: unknown): void {
    const now = performance.now();
    const last = this.#kinds.get(kind);
    if (last !== undefined && now - last.toldAt < INTERVAL) {
      last.untold++;
      return;
    }
    this.#kinds.set(kind, { toldAt: now, untold: 0 });
    const repeated =
      last === undefined || last.untold === 0
        ? ''
        : ` (and ${last.untold} times more since it was last told)`;
    this.tell(problem + repeated, cause);
  }
}
