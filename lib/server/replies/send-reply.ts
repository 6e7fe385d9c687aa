import type { Completion } from '../../foundation/promise.js';
import { InterceptedReply } from './intercepted-reply.js';
import type { ReplyReceiver } from './reply-receiver.js';
import { isReplyStream } from './reply-stream.js';
import type { ReplyStreams } from './reply-streams.js';

/** Who serves messages: whom their replies go to, and who hears of what fails. */
export interface Replier extends ReplyReceiver {
  /** The streams of the connection that the messages come from. */
  readonly streams: ReplyStreams;
  /** A message failed, in its turn. */
  messageFailed(error: unknown, data: unknown): Completion;
  /** The stream of a message failed beside other messages: it has to wait for its turn. */
  streamFailed(error: unknown, data: unknown): void;
}

/**
 * Sends what the hook of a message returned, or promised (reference 5.3).
 *
 * @param data the message
 */
export function sendReply(replier: Replier, value: unknown, data: unknown): Completion {
  try {
    if (typeof value !== 'object' || value === null) {
      replier.reply(value);
    } else if (value instanceof InterceptedReply) {
      return sendIntercepted(replier, value, data);
    } else if (isReplyStream(value)) {
      replier.streams.send(value, (error) => replier.streamFailed(error, data));
    } else {
      replier.reply(value);
    }
    return undefined;
  } catch (error) {
    return replier.messageFailed(error, data);
  }
}

async function sendIntercepted(replier: Replier, reply: InterceptedReply, data: unknown): Promise<void> {
  try {
    await replier.streams.sendIntercepted(reply, (error) => replier.streamFailed(error, data));
  } catch (error) {
    await replier.messageFailed(error, data);
  }
  // An interceptor that did not wait for the handler, a timeout perhaps, has answered; the next message waits all the same.
  await reply.end();
}

/** A value that a hook returned, as `send` takes it: a number or a boolean goes out as its JSON. */
export function sendable(value: unknown): string | object {
  const isPrimitive = typeof value === 'number' || typeof value === 'boolean';
  return isPrimitive ? JSON.stringify(value) : (value as string | object);
}
