import { existsSync, readFileSync, rmSync } from 'node:fs';

const FIGURES_FILE = 'dist/soak.jsonl';

/** Prints the figures that the soak tests measured, as a table, after Jest's own report. */
export default class SoakReporter {
  onRunStart() {
    rmSync(FIGURES_FILE, { force: true });
  }

  onRunComplete() {
    if (!existsSync(FIGURES_FILE)) return;
    const rows = readFileSync(FIGURES_FILE, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const width = Math.max(...rows.map(({ fault }) => fault.length));
    console.log(`\n${'fault'.padEnd(width)} | measured\n${'-'.repeat(width)} | ${'-'.repeat(40)}`);
    for (const { fault, held } of rows) console.log(`${fault.padEnd(width)} | ${held}`);
  }
}
