import type { TopicPosition } from '../interfaces/index.js';
import type { SharedMessage } from './message/shared-message.js';
import { Publication } from './publication.js';
import type { TopicHistory } from './topic-history.js';

/**
 * Publishes to a topic with history; returns undefined if none of the topics has one.
 *
 * @param untold hears of a failure that nobody awaits
 * @throws {TypeError} for several topics of which one has a history
 */
export function publishRemembered(
  history: TopicHistory | undefined,
  topics: readonly string[],
  message: SharedMessage,
  except: ReadonlySet<number>,
  untold: (error: unknown) => void,
): Promise<TopicPosition> | undefined {
  const topic = history && topics.find((each) => history.covers(each));
  if (history === undefined || topic === undefined) return undefined;
  if (topics.length > 1) {
    throw new TypeError(
      `WebSocketServer.publish(): the topic "${topic}" has a history, in which a message has one position; ` +
        'publish to each such topic by itself',
    );
  }
  return Publication.of(history.publish(topic, message, [...except]), untold);
}

/** @throws {TypeError} for a topic without history */
export function historyOf(history: TopicHistory | undefined, topic: string, method: string): TopicHistory {
  if (history?.covers(topic) === true) return history;
  throw new TypeError(
    `WebSocketServer.${method}(): the topic "${topic}" has no history; ` +
      `give the server the option history: { topics: ${JSON.stringify(topic)} }`,
  );
}
