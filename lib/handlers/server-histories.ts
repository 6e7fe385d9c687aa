import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { InvalidOptionError } from '../errors/invalid-option.error.js';
import { errorDetails, errorMessage } from '../errors/error-details.js';
import { ProcessStore } from '../history/process-store.js';
import { ReadSlots } from '../history/read-slots.js';
import { ServerHistory } from '../history/server-history.js';
import { topicChannel } from '../instances/channel-names.js';
import { ProblemReports } from '../instances/problem-reports.js';
import type { ThisInstance } from '../instances/this-instance.js';
import type { DataType } from '../interfaces/index.js';
import { MESSAGE_DECODERS } from '../server/message/message-decoder.js';
import type { ServerSession } from '../server/server-session.js';

/** How many pages of histories are read at once. */
const READS_AT_ONCE = 32;

/** Gives servers the memory of their topics (reference 16.1). */
@Injectable()
export class ServerHistories implements OnApplicationShutdown {
  readonly #slots = new ReadSlots(READS_AT_ONCE);
  /** What servers remember that are alone. */
  readonly #ownStore = new ProcessStore();

  /**
   * Has a server's topics remember, if its options say so.
   *
   * @param others with whom it shares its topics; null if it is alone
   * @throws {InvalidOptionError} if the backplane does not remember
   */
  remember(server: ServerSession, others: ThisInstance | null): void {
    const { history, dataType } = server.options;
    if (history === undefined) return;
    if (others !== null && !others.remembers) {
      throw new InvalidOptionError(
        server.name,
        'history',
        history.topics,
        `left out, or the backplane one that remembers: ${others.forgetful}`,
      );
    }
    const reports = new ProblemReports((problem, cause) =>
      server.report(errorDetails(new Error(`${problem}: ${errorMessage(cause)}`, { cause }), 'bkpl')),
    );
    server.remember(
      new ServerHistory({
        ...history,
        store: others === null ? this.#ownStore : others.store,
        slots: this.#slots,
        channel: (topic) => topicChannel(server.path ?? '', topic),
        decode: (payload, isBinary) => decode(dataType, payload, isBinary),
        report: (kind, problem, cause) => reports.report(kind, problem, cause),
      }),
    );
  }

  onApplicationShutdown(): void {
    this.#ownStore.close();
  }
}

/** What `onMessage` would get; what can not be decoded stays as it is. */
function decode(dataType: DataType, payload: Buffer, isBinary: boolean): unknown {
  try {
    return MESSAGE_DECODERS[dataType](payload, isBinary);
  } catch {
    return isBinary ? payload : payload.toString();
  }
}
