import { BackplaneError } from '../errors/backplane.error.js';
import type { BackplaneHistory, HistoryBounds, HistoryPage, TopicPosition } from '../interfaces/index.js';
import {
  decodeBytes,
  encodeBytes,
  type HistoryQuestion,
  type RelayMessage,
  type SentPage,
} from './cluster-messages.js';

/** How long the primary process may take to answer, in milliseconds. */
const ANSWER_TIMEOUT = 5_000;

interface Asking {
  readonly resolve: (answer: TopicPosition | SentPage | null) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** The memory of the primary process, as its workers ask it (reference 16.1). */
export class ClusterHistory implements BackplaneHistory {
  readonly #asking = new Map<number, Asking>();
  #asked = 0;
  /** Whether bytes can be sent as they are. */
  takesBytes = true;

  /** @param send sends to the primary; false if there is none */
  constructor(private readonly send: (message: RelayMessage) => boolean) {}

  async append(
    channel: string,
    messages: readonly Uint8Array[],
    bounds: HistoryBounds,
  ): Promise<TopicPosition> {
    const sent = messages.map((message) => encodeBytes(message, this.takesBytes));
    return (await this.#ask({ task: 'append', channel, messages: sent, bounds })) as TopicPosition;
  }

  async read(channel: string, after: number, limit: number, bounds: HistoryBounds): Promise<HistoryPage> {
    const page = (await this.#ask({ task: 'read', channel, after, limit, bounds })) as SentPage;
    const { epoch, newest, oldest, first, messages } = page;
    const entries = messages.map((data, index) => ({ offset: first + index, message: decodeBytes(data) }));
    return { epoch, newest, oldest, entries };
  }

  async forget(channel: string, epoch?: string): Promise<void> {
    await this.#ask({ task: 'forget', channel, epoch });
  }

  /** The primary has answered. */
  answered(id: number, answer: TopicPosition | SentPage | null): void {
    this.#settle(id)?.resolve(answer);
  }

  /** The primary answers no more. */
  lost(problem: string): void {
    for (const id of [...this.#asking.keys()]) this.#settle(id)?.reject(failure(problem));
  }

  #ask(question: HistoryQuestion): Promise<TopicPosition | SentPage | null> {
    const id = ++this.#asked;
    const task = `${question.task} the history of the channel ${question.channel}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const problem = `the primary process did not answer within ${ANSWER_TIMEOUT} ms`;
        this.#settle(id)?.reject(failure(`${problem}; it can not be known whether it did ${task}`));
      }, ANSWER_TIMEOUT);
      this.#asking.set(id, { resolve, reject, timer });
      if (!this.send({ kind: 'ask', id, question })) {
        this.#settle(id)?.reject(failure(`the primary process is gone; it can not ${task}`));
      }
    });
  }

  #settle(id: number): Asking | undefined {
    const asking = this.#asking.get(id);
    clearTimeout(asking?.timer);
    this.#asking.delete(id);
    return asking;
  }
}

function failure(problem: string): BackplaneError {
  return new BackplaneError('ClusterBackplane', problem);
}
