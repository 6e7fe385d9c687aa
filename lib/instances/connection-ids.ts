import { randomInt } from 'node:crypto';

/** How many ids a block has. */
const BLOCK_SIZE = 2 ** 20;
/** Blocks that fit below `Number.MAX_SAFE_INTEGER`. */
const BLOCKS = 2 ** 33;
/** No instance begins below, where the ids of processes without a backplane are, or so high that it might run out. */
const MARGIN = 2 ** 12;

/**
 * The ids of the connections of one instance. It draws a block of a million ids at random when it starts, and goes on
 * with the next block when they are used up. The block is also the address of the instance: whoever has an id
 * knows whom to ask. With 100 instances the odds that any two of them begin in the same block are 1 to 1.7 million.
 */
export class ConnectionIds {
  /** The block that this instance began with: its name among the instances. */
  readonly firstBlock = randomInt(MARGIN, BLOCKS - MARGIN);
  #next = this.firstBlock * BLOCK_SIZE;

  /** @param onBlock told the next block before the first of its ids is used */
  constructor(private readonly onBlock: (block: number) => void) {}

  next(): number {
    const id = this.#next++;
    // The block after this one is made known in good time: while there are half a million ids left.
    if (id % BLOCK_SIZE === BLOCK_SIZE / 2) this.onBlock(blockOf(id) + 1);
    return id;
  }

  /** Whether an id is one of this instance. */
  has(id: number): boolean {
    return id >= this.firstBlock * BLOCK_SIZE && id < this.#next;
  }
}

/** The block of an id. */
export function blockOf(id: number): number {
  return Math.floor(id / BLOCK_SIZE);
}
