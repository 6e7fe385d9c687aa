import { isIPv6 } from 'node:net';
import { ExactWindow } from './exact-window.js';

/** How many handshakes may begin in a time, of a whole server or of each address (reference 19.1). */
export interface HandshakeLimit {
  readonly limit: number;
  /** Milliseconds. */
  readonly window: number;
  readonly by: 'server' | 'address';
}

/** How many addresses are told apart; those beyond share one count. */
const MAX_ADDRESSES = 100_000;

/** Of 16 bits, in an IPv6 address, and in its network. */
const GROUPS = 8;
const NETWORK_GROUPS = 4;

/** No more of a window's refused are told to come later still: a `Retry-After` of a day would be worse than the storm. */
const MAX_WINDOWS_LATER = 60;

/** Up to this limit the times of a whole server's handshakes are kept, 8 bytes each; addresses would be too many for that. */
const MOST_EXACT = 100_000;

interface Count {
  taken: number;
  refused: number;
}

const NONE: Readonly<Count> = { taken: 0, refused: 0 };

/** Where addresses are counted that are too many. */
const OTHERS = '';

/**
 * Counts handshakes in a window that slides. Of a server no window has more than the limit. Of an address: what is left of the window before counts by the share of it that still lies within.
 * It forgets by itself, and needs no timer.
 */
export class HandshakeRate {
  readonly by: HandshakeLimit['by'];
  readonly #limit: number;
  readonly #window: number;
  readonly #exact: ExactWindow | undefined;
  #start = 0;
  #current = new Map<string, Count>();
  #previous = new Map<string, Count>();

  constructor({ limit, window, by }: HandshakeLimit) {
    this.by = by;
    this.#limit = limit;
    this.#window = window;
    if (by === 'server' && limit <= MOST_EXACT) this.#exact = new ExactWindow(limit, window);
  }

  /**
   * Takes one handshake.
   *
   * @param address whose it is
   * @param now milliseconds of a clock that only goes on
   * @returns 0 if it may go on, else after how many milliseconds the client may try again: the more were refused, the later, so
   * that they don't all come back at once
   */
  take(address: string, now: number): number {
    this.#slide(now);
    const { key, count } = this.#countOf(this.by === 'server' ? OTHERS : networkOf(address));
    const before = this.#previous.get(key) ?? NONE;
    const wait = this.#exact === undefined ? this.#waitAbout(count, before, now) : this.#exact.take(now);
    if (wait === 0) {
      count.taken++;
      return 0;
    }
    const late = Math.min((count.refused++ + before.refused) / this.#limit, MAX_WINDOWS_LATER);
    return wait + this.#window * late;
  }

  #waitAbout(count: Count, before: Readonly<Count>, now: number): number {
    const left = 1 - (now - this.#start) / this.#window;
    if (before.taken * left + count.taken + 1 <= this.#limit) return 0;
    return this.#nextPlace(count.taken, before.taken) - now;
  }

  /** When there is room for one more, if no other comes before. */
  #nextPlace(taken: number, takenBefore: number): number {
    const free = this.#limit - 1 - taken;
    // What was taken in this window counts in the next one.
    const windows = free >= 0 ? 1 - free / takenBefore : 2 - (this.#limit - 1) / taken;
    return this.#start + this.#window * windows;
  }

  #slide(now: number): void {
    const passed = Math.floor((now - this.#start) / this.#window);
    if (passed <= 0) return;
    this.#previous = passed === 1 ? this.#current : new Map();
    this.#current = new Map();
    this.#start += passed * this.#window;
  }

  #countOf(wanted: string): { key: string; count: Count } {
    const key = this.#current.size < MAX_ADDRESSES || this.#current.has(wanted) ? wanted : OTHERS;
    let count = this.#current.get(key);
    if (count === undefined) this.#current.set(key, (count = { taken: 0, refused: 0 }));
    return { key, count };
  }
}

/** The address, or of IPv6 the network of 64 bits that a single client has to itself (RFC 6177). */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head, tail] = address.split('%', 1)[0]!.split('::') as [string, string | undefined];
  const groups = groupsOf(head);
  if (tail !== undefined) {
    // "::" stands for as many groups of zero as are missing.
    const last = groupsOf(tail);
    while (groups.length + last.length < GROUPS) groups.push('0');
  }
  return groups
    .slice(0, NETWORK_GROUPS)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}

function groupsOf(part: string): string[] {
  if (part === '') return [];
  // An IPv4 address at the end stands for two groups, which no network has.
  return part.split(':').flatMap((group) => (group.includes('.') ? ['0', '0'] : [group]));
}
