import type { BackplaneObserver } from 'nestjs-4d-websocket';
import * as testing from 'nestjs-4d-websocket/testing';

/** A broker of the testing entry that shows what passes through it, and may be slow. */
export class MemoryBroker extends testing.MemoryBroker {
  /** All that was published: channel and bytes. */
  readonly published: [channel: string, message: Uint8Array][] = [];
  /** Published messages that the broker has not taken yet, while it is slow. */
  readonly held: (() => void)[] = [];
  slow = false;

  create(): MemoryBackplane {
    return new MemoryBackplane(this);
  }

  override deliver(channel: string, message: Uint8Array): void {
    this.published.push([channel, message]);
    super.deliver(channel, message);
  }
}

/** A backplane whose broker refuses at will. */
export class MemoryBackplane extends testing.MemoryBackplane {
  /** What is thrown at the next call. */
  refusal: Error | undefined;

  constructor(readonly broker: MemoryBroker) {
    super(broker);
  }

  override async connect(observer: BackplaneObserver): Promise<void> {
    this.#refuse();
    await super.connect(observer);
  }

  override async subscribe(channels: readonly string[]): Promise<void> {
    this.#refuse();
    await super.subscribe(channels);
  }

  override async publish(channel: string, message: Uint8Array): Promise<void> {
    this.#refuse();
    if (this.broker.slow) await new Promise<void>((resolve) => this.broker.held.push(resolve));
    await super.publish(channel, message);
  }

  #refuse(): void {
    const { refusal } = this;
    this.refusal = undefined;
    if (refusal !== undefined) throw refusal;
  }
}
