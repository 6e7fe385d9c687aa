import type { ClientPosition, PositionsHeader } from '../protocol/client-header.js';
import { MAX_IDS, MAX_POSITIONS } from '../protocol/limits.js';
import type { ServerHeader } from '../protocol/server-header.js';
import type { ClientResumedTopic } from './events.js';

/** A topic, where the client stands in it, and what became of what it had missed. */
type Followed = [topic: string, epoch: string, offset: number, recovered?: boolean, lost?: number | null];

/** Where a client stands in the topics that it follows: what it brings when it comes back (reference 16.4). */
export class Positions {
  #ids: number[];
  /** How many of the topics are told. */
  #most = MAX_POSITIONS;
  /** Those that it followed last come last. */
  readonly #topics: Map<string, Followed>;

  constructor([, ids, positions]: PositionsHeader = ['positions', [], []]) {
    this.#ids = [...ids];
    this.#topics = new Map(positions.map((position) => [position[0], [...position]]));
  }

  get header(): PositionsHeader {
    return [
      'positions',
      this.#ids,
      this.#most
        ? [...this.#topics.values()]
            .map((followed) => followed.slice(0, 3) as unknown as ClientPosition)
            .slice(-this.#most)
        : [],
    ];
  }

  /** The server takes no frames that are so long: from now on half as much is told. */
  shorten(): void {
    this.#ids = this.#ids.slice(this.#ids.length / -2 || Infinity);
    this.#most = Math.min(this.#most, this.#topics.size) >> 1;
  }

  /**
   * Goes on by what a server told.
   *
   * @returns what became of topics that were resumed, or of one whose position the server was not told
   */
  apply(header: ServerHeader): Record<string, ClientResumedTopic> | undefined {
    const ids = this.#ids;
    const topics = this.#topics;
    if (header[0] === 'hello') {
      if (ids.push(header[1].id) > MAX_IDS) ids.shift();
    } else if (header[0] === 'topic') {
      const [, topic, epoch, offset, recovered] = header;
      const [, oldEpoch, oldOffset = 0] = topics.get(topic) ?? [];
      topics.delete(topic);
      topics.set(topic, header.slice(1) as Followed);
      const lost = oldEpoch === epoch ? offset - oldOffset : undefined;
      if (oldEpoch && recovered === undefined && !(lost! <= 0))
        return { [topic]: { recovered: false, lost } };
    } else if (header[0] === 'message') {
      const followed = topics.get(header[1]);
      if (followed) followed[2] = header[2];
    } else if (header[0] === 'left') {
      topics.delete(header[1]);
    } else if (header[0] === 'resumed') {
      return Object.fromEntries(
        header[1].map((topic) => {
          const [, , , recovered = false, lost] = topics.get(topic) ?? [];
          return [topic, { recovered, lost: lost ?? undefined }];
        }),
      );
    }
  }
}
