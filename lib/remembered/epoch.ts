import { randomFillSync } from 'node:crypto';

const LENGTH = 9;
/** Drawn for many epochs at once: Redis is offered one with each message, and asking for randomness is a system call. */
const drawn = Buffer.alloc(LENGTH * 128);
let used = drawn.length;

/** A name for a history that begins: short, since it travels with positions, and never drawn twice. */
export function newEpoch(): string {
  if (used === drawn.length) {
    randomFillSync(drawn);
    used = 0;
  }
  return drawn.toString('base64url', used, (used += LENGTH));
}
