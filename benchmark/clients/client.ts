import type { Measurement } from '../scenarios/measurement.js';

/** The message that goes out and comes back. */
export const TEXT = 'x'.repeat(64);

const WARM_UP_SECONDS = 1;
const SECONDS = 2;

/**
 * Connects a client to the server that echoes.
 *
 * @param received to be called for each message, when the application has it as a string
 * @returns a promise of a function that sends the message
 */
type Connect = (port: number, received: (text: string) => void) => Promise<() => void>;

/** Measures a client, which is all that its process does, and tells the process that started it. */
export async function present(connect: Connect): Promise<void> {
  process.on('disconnect', () => process.exit());
  const [port, inFlight] = process.argv.slice(2).map(Number) as [number, number];
  let received: (() => void) | undefined;
  const send = await connect(port, (text) => {
    if (text !== TEXT) throw new Error(`received ${text}`);
    received?.();
  });
  /** Keeps messages in flight, and counts those that came back. */
  const echo = (seconds: number): Promise<number> =>
    new Promise((resolve) => {
      const until = performance.now() + seconds * 1000;
      let count = 0;
      let waiting = inFlight;
      received = () => {
        count++;
        if (performance.now() < until) send();
        else if (--waiting === 0) resolve(count);
      };
      for (let index = 0; index < inFlight; index++) send();
    });
  await echo(WARM_UP_SECONDS);
  const before = process.cpuUsage();
  const started = performance.now();
  const count = await echo(SECONDS);
  const elapsed = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);
  const measurement: Measurement = { throughput: count / elapsed, cost: (user + system) / count };
  process.send!(measurement, () => process.exit());
}
