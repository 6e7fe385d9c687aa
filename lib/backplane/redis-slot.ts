/** How many slots a Redis Cluster has. */
const SLOTS = 16_384;

/** The remainders of CRC-16/XMODEM for each byte, as the Redis Cluster specification has it. */
const REMAINDERS = Uint16Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte << 8;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder << 1) ^ (remainder & 0x8000 ? 0x1021 : 0);
  return remainder;
});

let tags: Map<number, string> | undefined;

/**
 * The key of a Redis Cluster that belongs to a channel: in the slot of the channel, since only then one script may use both.
 *
 * @param prefix what the names of channels, and of keys, begin with
 * @param name the name of the channel, prefix included
 */
export function keyInSlotOf(name: string, prefix: string): string {
  // The usual case: what stands in braces decides about the slot.
  if (!/[{}]/.test(name)) return `${prefix}history:{${name}}`;
  // The name has decisive braces of its own.
  if (/^[^{]*\{[^}]+\}/.test(name)) return `${name}:history`;
  // It has braces, but none that decide: a short text that happens to be in the slot stands in for the name.
  const begin = prefix.includes('{') ? '' : `${prefix}history:`;
  return `${begin}{${tagOf(slotOf(name))}}:${name}`;
}

/** The slot of a key or channel without decisive braces. */
function slotOf(text: string): number {
  let remainder = 0;
  for (const byte of Buffer.from(text)) {
    remainder = ((remainder << 8) & 0xffff) ^ REMAINDERS[(remainder >> 8) ^ byte]!;
  }
  return remainder % SLOTS;
}

/** A text for each slot. They are looked for once, when the first name needs one. */
function tagOf(slot: number): string {
  if (tags === undefined) {
    tags = new Map();
    for (let number = 0; tags.size < SLOTS; number++) {
      const tag = number.toString(36);
      const itsSlot = slotOf(tag);
      if (!tags.has(itsSlot)) tags.set(itsSlot, tag);
    }
  }
  return tags.get(slot)!;
}
