import type { Completion } from '../../foundation/promise.js';
import type { HookTrace } from '../../observability/trace.js';
import type { ReplyStreams } from './reply-streams.js';
import type { Replier } from './send-reply.js';

/** Replies to a message whose hook is traced: what fails is told to whoever traces it, too. */
export class TracedReplier implements Replier {
  constructor(
    private readonly replier: Replier,
    private readonly trace: HookTrace,
  ) {}

  get streams(): ReplyStreams {
    return this.replier.streams;
  }

  get bufferedAmount(): number {
    return this.replier.bufferedAmount;
  }

  get isOpen(): boolean {
    return this.replier.isOpen;
  }

  reply(value: unknown): void {
    this.replier.reply(value);
  }

  drain(threshold: number): Promise<void> {
    return this.replier.drain(threshold);
  }

  messageFailed(error: unknown, data: unknown): Completion {
    this.trace.failed(error);
    return this.replier.messageFailed(error, data);
  }

  streamFailed(error: unknown, data: unknown): void {
    this.replier.streamFailed(error, data);
  }
}
