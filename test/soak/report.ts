import { appendFileSync, mkdirSync } from 'node:fs';

/** Where the figures of a run are gathered; the reporter prints them as a table. */
export const FIGURES_FILE = 'dist/soak.jsonl';

/** Notes what a soak test measured. */
export function report(fault: string, held: string): void {
  mkdirSync('dist', { recursive: true });
  appendFileSync(FIGURES_FILE, `${JSON.stringify({ fault, held })}\n`);
}
