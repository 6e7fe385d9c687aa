import type { Backplane, BackplaneObserver } from 'nestjs-4d-websocket';

/** Connects applications of one process; what a broker's outage does to them can be had at will. */
export class MemoryBroker {
  readonly members = new Set<MemoryBackplane>();
  /** All that was published: channel and bytes. */
  readonly published: [channel: string, message: Uint8Array][] = [];
  /** Published messages that the broker has not taken yet, while it is slow. */
  readonly held: (() => void)[] = [];
  slow = false;

  create(): MemoryBackplane {
    return new MemoryBackplane(this);
  }

  deliver(channel: string, message: Uint8Array): void {
    this.published.push([channel, message]);
    // A copy, and to its sender too, as many brokers do.
    for (const { channels, observer } of this.members) {
      if (channels.has(channel)) observer?.receive(channel, Buffer.from(message));
    }
  }
}

export class MemoryBackplane implements Backplane {
  readonly channels = new Set<string>();
  observer: BackplaneObserver | undefined;
  /** What is thrown at the next call. */
  refusal: Error | undefined;

  constructor(readonly broker: MemoryBroker) {}

  async connect(observer: BackplaneObserver): Promise<void> {
    this.#refuse();
    this.observer = observer;
    this.broker.members.add(this);
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    this.#refuse();
    for (const channel of channels) this.channels.add(channel);
  }

  unsubscribe(channels: readonly string[]): void {
    for (const channel of channels) this.channels.delete(channel);
  }

  async publish(channel: string, message: Uint8Array): Promise<void> {
    this.#refuse();
    if (this.broker.slow) await new Promise<void>((resolve) => this.broker.held.push(resolve));
    this.broker.deliver(channel, message);
  }

  async close(): Promise<void> {
    this.broker.members.delete(this);
    this.channels.clear();
    this.observer = undefined;
  }

  #refuse(): void {
    const { refusal } = this;
    this.refusal = undefined;
    if (refusal !== undefined) throw refusal;
  }
}
