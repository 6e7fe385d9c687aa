import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a server under measurement is asked, and answers. */
export interface Commands {
  cpu: () => NodeJS.CpuUsage;
  memory: () => number;
}

/** Tells the measuring process where a server listens, and answers its questions. */
export function present(server: { address(): Server['address'] extends () => infer A ? A : never }): void {
  const commands: Commands = {
    cpu: () => process.cpuUsage(),
    memory: () => {
      const { gc } = globalThis as unknown as { gc(): void };
      gc();
      gc();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    },
  };
  process.on('message', (command: keyof Commands) => process.send!(commands[command]()));
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
