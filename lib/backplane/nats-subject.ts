import { createHash } from 'node:crypto';

/** A server closes connections whose subjects are too long; longer ones are hashed. */
const MAX_LENGTH = 255;

/** The last part of a channel's subject: without dots, wildcards or white space of its own. */
export function subjectName(channel: string): string {
  const name = channel.replace(/[^\w/#:-]/gu, percentEncode);
  return name.length <= MAX_LENGTH ? name : createHash('sha256').update(channel).digest('base64url');
}

function percentEncode(character: string): string {
  return Array.from(
    Buffer.from(character),
    (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('');
}
