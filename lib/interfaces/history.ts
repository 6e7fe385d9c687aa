/** Where a message stands in a topic with history (reference 16.2). */
export interface TopicPosition {
  /** Another one means that the history began anew: what was remembered before is gone. */
  readonly epoch: string;
  /** 1 for the first message of an epoch, then without holes; 0 is before the first. */
  readonly offset: number;
}

/** How much is kept of each topic (reference 16.1). */
export interface HistoryBounds {
  /** How many messages. */
  readonly messages: number;
  /** How old they may be, in milliseconds. */
  readonly age: number;
}

/** A message that is remembered. */
export interface HistoryEntry {
  readonly offset: number;
  readonly message: Uint8Array;
}

/** A part of what is remembered of a channel. */
export interface HistoryPage {
  readonly epoch: string;
  /** The offset of the last message that was appended; 0 before the first. */
  readonly newest: number;
  /** The offset of the oldest message that is still remembered; `newest + 1` if none is. */
  readonly oldest: number;
  /** In the order of their offsets. */
  readonly entries: readonly HistoryEntry[];
}

/**
 * What a backplane remembers of channels (reference 16.1): a capability that it may have. A channel's history is there from the first
 * time that it is asked for.
 *
 * What it has to promise: positions have no holes and are given out once; what was appended, and is within its bounds, is
 * remembered while the broker has its memory; a broker that lost its memory, or a part of it, gives channels another epoch
 * where it can know.
 */
export interface BackplaneHistory {
  /**
   * Appends messages in one step, and tells the observers of all instances that are subscribed to the channel, its own among them.
   *
   * @returns a promise of the position of the first of them; it rejects with a `BackplaneError` if the broker refuses, and if it can't be
   * known whether it has them
   */
  append(channel: string, messages: readonly Uint8Array[], bounds: HistoryBounds): Promise<TopicPosition>;
  /**
   * Reads what is within the bounds.
   *
   * @param after the offset before those that are read; a negative one counts from the newest: -50 reads the last 50
   * @param limit how many entries at most; there may be fewer, since a long page is cut, but not none where there are some. 0 asks where the
   * channel stands
   */
  read(channel: string, after: number, limit: number, bounds: HistoryBounds): Promise<HistoryPage>;
  /**
   * Forgets all that is remembered of a channel: it has a new epoch, and its next offset is 1. Observers are not told.
   *
   * @param epoch only if this is still the channel's
   */
  forget(channel: string, epoch?: string): Promise<void>;
}
