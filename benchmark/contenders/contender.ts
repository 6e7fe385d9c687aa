import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a server under measurement is asked, and answers. */
export interface Commands {
  cpu: () => NodeJS.CpuUsage;
  memory: () => number;
  peakMemory: () => number;
  publish: (text: string) => unknown;
}

/** A command, and what it needs. */
export type Request = { [C in keyof Commands]: [command: C, ...Parameters<Commands[C]>] }[keyof Commands];

/** Where a server listens: anywhere, if it does not come back where another was. */
export const PORT = Number(process.env.PORT ?? 0);

/**
 * Tells the measuring process where a server listens, and answers its questions.
 *
 * @param publish sends a message to all clients; where there is something to wait for, its promise resolves when it is done
 */
export function present(
  server: { address(): Server['address'] extends () => infer A ? A : never },
  publish?: (text: string) => unknown,
): void {
  const commands: Commands = {
    cpu: () => process.cpuUsage(),
    memory: () => {
      const { gc } = globalThis as unknown as { gc(): void };
      gc();
      gc();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    },
    peakMemory: () => process.resourceUsage().maxRSS * 1024,
    publish: async (text) => {
      await publish!(text);
      return true;
    },
  };
  process.on('message', async ([command, ...values]: Request) => {
    const answer = (commands[command] as (...values: string[]) => unknown)(...values);
    process.send!(await answer);
  });
  process.send!((server.address() as AddressInfo).port);
}

/** What the client that drives a broadcast says: how many messages at once, or how many publishes. */
export function countOf(message: string): number {
  return Number(message.slice(message.indexOf(' ') + 1));
}

/** The message of a broadcast. */
export const NEWS = 'x'.repeat(64);
/** The topic, and how many subscribe to it. */
export const TOPIC = 'topic';
