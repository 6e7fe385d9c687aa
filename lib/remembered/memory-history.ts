import type { BackplaneHistory, HistoryBounds, HistoryPage, TopicPosition } from '../interfaces/index.js';
import { RememberedChannels } from './remembered-channels.js';

/** A history in the memory of this process. */
export class MemoryHistory implements BackplaneHistory {
  readonly #channels = new RememberedChannels();

  /**
   * @param tell whoever is subscribed to the channel of what was appended, in the order of positions; what `BackplaneObserver.remembered` is
   * told
   */
  constructor(
    private readonly tell: (channel: string, first: TopicPosition, messages: readonly Uint8Array[]) => void,
  ) {}

  /** What it holds. */
  get channels(): RememberedChannels {
    return this.#channels;
  }

  async append(
    channel: string,
    messages: readonly Uint8Array[],
    bounds: HistoryBounds,
  ): Promise<TopicPosition> {
    const first = this.#channels.append(channel, messages, bounds);
    this.tell(channel, first, messages);
    return first;
  }

  async read(channel: string, after: number, limit: number, bounds: HistoryBounds): Promise<HistoryPage> {
    return this.#channels.read(channel, after, limit, bounds);
  }

  async forget(channel: string, epoch?: string): Promise<void> {
    this.#channels.forget(channel, epoch);
  }

  /** Forgets all, and lets go of its timer. */
  close(): void {
    this.#channels.clear();
  }
}
