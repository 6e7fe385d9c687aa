import { randomBytes } from 'node:crypto';

/** A name for a history that begins: short, since it travels with positions, and never drawn twice. */
export function newEpoch(): string {
  return randomBytes(9).toString('base64url');
}
