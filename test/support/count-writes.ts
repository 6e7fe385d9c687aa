import type { Socket } from 'node:net';

/** Counts the writes that reach a socket's handle. */
export function countWrites(socket: Socket): { count: number } {
  const writes = { count: 0 };
  const inner = socket as unknown as Record<'_write' | '_writev', (...args: unknown[]) => void>;
  for (const method of ['_write', '_writev'] as const) {
    const original = inner[method];
    inner[method] = function counted(this: Socket, ...args: unknown[]) {
      writes.count++;
      return Reflect.apply(original, this, args);
    };
  }
  return writes;
}
