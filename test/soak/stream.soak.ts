/** reference 17.4: a stream that is read more slowly than it could be given waits at its source, not in memory. */
import { FixtureProcess } from '../support/fixture.js';
import { report } from './report.js';

const ITEMS = 1_000_000;
/** The window of 64, what a page may ask for before it has read these, and one that the source has ready. */
const AHEAD = 130;
const MEMORY = 32 * 1024 * 1024;

let process_: FixtureProcess;
afterEach(() => process_?.stop());

it('1,000,000 items for a client that reads slowly: the source waits, and memory does not grow', async () => {
  process_ = await FixtureProcess.start('test/soak/fixture/stream.ts');
  const result = await process_.call<{
    read: number;
    outOfOrder: number;
    ahead: number;
    heaps: number[];
    milliseconds: number;
  }>('read', ITEMS, 50);
  const grown = Math.max(...result.heaps) - result.heaps[0]!;
  report(
    `${ITEMS.toLocaleString('en')} items of a stream, for a client that reads slowly`,
    `read in order after ${(result.milliseconds / 1000).toFixed(1)} s; the source was ${result.ahead} items ahead at most; ` +
      `heap + ${(grown / 1024 / 1024).toFixed(1)} MB`,
  );
  expect(result).toMatchObject({ read: ITEMS, outOfOrder: 0 });
  expect(result.ahead).toBeLessThanOrEqual(AHEAD);
  // Something was ahead: the client was the slower one.
  expect(result.ahead).toBeGreaterThan(16);
  expect(grown).toBeLessThan(MEMORY);
  expect(process_.output).toBe('');
});
