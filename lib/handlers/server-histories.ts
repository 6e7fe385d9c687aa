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
import type { ResolvedServerOptions } from '../server/server-options.js';
import type { ServerSession } from '../server/server-session.js';

/** How many pages of histories are read at once. */
const READS_AT_ONCE = 32;
/** How long the last messages may take when the application closes, in milliseconds. */
const CLOSE_TIMEOUT = 2_000;

/** Gives servers the memory of their topics (reference 16.1). */
@Injectable()
export class ServerHistories implements OnApplicationShutdown {
  readonly #slots = new ReadSlots(READS_AT_ONCE);
  /** What servers remember that are alone. */
  readonly #ownStore = new ProcessStore();
  /** What is published to servers that run elsewhere; a server that runs here closes its own. */
  readonly #published: ServerHistory[] = [];

  /**
   * Has a server's topics remember, if its options say so.
   *
   * @param others with whom it shares its topics; null if it is alone
   * @throws {InvalidOptionError} if the backplane does not remember
   */
  remember(server: ServerSession, others: ThisInstance | null): void {
    const { options, path, name } = server;
    if (options.history === undefined) return;
    const history = this.#create(options, path, name, others, (error) =>
      server.report(errorDetails(error, 'bkpl')),
    );
    server.remember(history!);
  }

  /**
   * The memory of the topics of a server that runs elsewhere; undefined if they have none.
   *
   * @param owner whose option it is, for the error
   * @param report hears of what goes wrong
   * @throws {InvalidOptionError} if the backplane does not remember
   */
  ofRemote(
    options: Pick<ResolvedServerOptions, 'history' | 'dataType'>,
    path: string,
    owner: string,
    others: ThisInstance,
    report: (error: Error) => void,
  ): ServerHistory | undefined {
    const history = this.#create(options, path, owner, others, report);
    if (history !== undefined) this.#published.push(history);
    return history;
  }

  #create(
    { history, dataType }: Pick<ResolvedServerOptions, 'history' | 'dataType'>,
    path: string | undefined,
    owner: string,
    others: ThisInstance | null,
    report: (error: Error) => void,
  ): ServerHistory | undefined {
    if (history === undefined) return undefined;
    if (others !== null && !others.remembers) {
      throw new InvalidOptionError(
        owner,
        'history',
        history.topics,
        `left out, or the backplane one that remembers: ${others.forgetful}`,
      );
    }
    const reports = new ProblemReports((problem, cause) =>
      report(new Error(`${problem}: ${errorMessage(cause)}`, { cause })),
    );
    return new ServerHistory({
      ...history,
      store: others === null ? this.#ownStore : others.store,
      slots: this.#slots,
      channel: (topic) => topicChannel(path ?? '', topic),
      decode: (payload, isBinary) => decode(dataType, payload, isBinary),
      report: (kind, problem, cause) => reports.report(kind, problem, cause),
    });
  }

  /** Waits, but not for ever, until what was published is with the store or refused. */
  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      Promise.all(this.#published.map((history) => history.close())),
      new Promise((resolve) => (timer = setTimeout(resolve, CLOSE_TIMEOUT))),
    ]);
    clearTimeout(timer);
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
