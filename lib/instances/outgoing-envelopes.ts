import { endOfTurn, type TurnListener } from '../foundation/end-of-turn.js';
import { EntryKind, type Entry } from './envelope.js';

/** An entry whose payload may still have to be read. */
export type OutgoingEntry = Entry<Buffer | Blob>;

/** What one channel has to say, in order. */
interface ChannelQueue {
  entries: OutgoingEntry[];
  bytes: number;
  /** Whether the first entry's Blob is being read. */
  reading: boolean;
}

/** Bytes after which an envelope is full; it leaves at once. */
const FULL = 64 * 1024;
/** What an entry takes beside its payload, roughly. */
const OVERHEAD = 32;

/** Collects what is said on each channel in a turn of the event loop, and sends it together at the end of the turn. */
export class OutgoingEnvelopes implements TurnListener {
  #queues = new Map<string, ChannelQueue>();
  #scheduled = false;
  #bytes = 0;

  /**
   * @param send takes the entries of one envelope
   * @param failed hears of a Blob that can not be read; its message is lost
   */
  constructor(
    private readonly send: (channel: string, entries: readonly Entry[], bytes: number) => void,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Bytes that wait, for the end of the turn or for Blobs. */
  get bytes(): number {
    return this.#bytes;
  }

  add(channel: string, entry: OutgoingEntry): void {
    let queue = this.#queues.get(channel);
    if (queue === undefined) {
      queue = { entries: [], bytes: 0, reading: false };
      this.#queues.set(channel, queue);
    }
    const bytes = sizeOf(entry);
    queue.entries.push(entry);
    queue.bytes += bytes;
    this.#bytes += bytes;
    if (queue.bytes >= FULL) this.#flush(channel, queue);
    else this.#schedule();
  }

  endTurn(): void {
    this.#scheduled = false;
    this.flush();
  }

  /** Sends all that can be sent. */
  flush(): void {
    for (const [channel, queue] of this.#queues) this.#flush(channel, queue);
  }

  /** Forgets all that waits. */
  clear(): void {
    this.#queues = new Map();
    this.#bytes = 0;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    endOfTurn(this);
  }

  #flush(channel: string, queue: ChannelQueue): void {
    if (queue.reading) return;
    const blobAt = queue.entries.findIndex((entry) => blobOf(entry) !== undefined);
    const ready = (blobAt === -1 ? queue.entries : queue.entries.slice(0, blobAt)) as Entry[];
    const bytes = blobAt === -1 ? queue.bytes : ready.reduce((sum, entry) => sum + sizeOf(entry), 0);
    queue.entries = blobAt === -1 ? [] : queue.entries.slice(blobAt);
    queue.bytes -= bytes;
    this.#bytes -= bytes;
    if (ready.length > 0) this.send(channel, ready, bytes);
    if (blobAt === -1) this.#queues.delete(channel);
    else void this.#read(channel, queue);
  }

  /** Reads the Blob of the first entry; what comes after it waits, so that the order holds. */
  async #read(channel: string, queue: ChannelQueue): Promise<void> {
    const entry = queue.entries[0]!;
    queue.reading = true;
    try {
      entry[2] = Buffer.from(await blobOf(entry)!.arrayBuffer());
    } catch (error) {
      const bytes = sizeOf(entry);
      queue.entries.shift();
      queue.bytes -= bytes;
      if (this.#queues.get(channel) === queue) this.#bytes -= bytes;
      this.failed(error);
    }
    queue.reading = false;
    if (this.#queues.get(channel) === queue) this.#flush(channel, queue);
  }
}

function blobOf([kind, , payload]: OutgoingEntry): Blob | undefined {
  return hasPayload(kind) && payload instanceof Blob ? payload : undefined;
}

function sizeOf([kind, , payload]: OutgoingEntry): number {
  if (!hasPayload(kind)) return OVERHEAD;
  return OVERHEAD + (payload instanceof Blob ? payload.size : (payload as Buffer).length);
}

function hasPayload(kind: number): boolean {
  return kind === EntryKind.MESSAGE || kind === EntryKind.SEND || kind === EntryKind.TOPICS_MESSAGE;
}
