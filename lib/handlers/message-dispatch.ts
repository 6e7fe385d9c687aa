import { MessageDecodeError } from '../errors/message-decode.error.js';

/**
 * What serves messages, or one kind of them.
 *
 * @typeParam S whose messages they are: a connection of a server's, or a client
 */
export interface MessageServer<S> {
  /** Serves a message; what it returns, or promises, is sent back. */
  readonly message: (subject: S, data: unknown, isBinary: boolean) => unknown;
  /** Runs the exception filters for a failure of `message`; rethrows (or rejects with) what they leave. */
  readonly filter: ((subject: S, data: unknown, failure: unknown) => unknown) | undefined;
}

/**
 * Sends each message to the method for its kind, the others to the rest.
 *
 * @param discriminator the property of a message that holds its kind
 */
export function dispatchByKind<S>(
  discriminator: string,
  kinds: ReadonlyMap<string, MessageServer<S>>,
  rest: MessageServer<S> | undefined,
): MessageServer<S> {
  const kindOf = (data: unknown): unknown =>
    typeof data === 'object' && data !== null ? (data as Record<string, unknown>)[discriminator] : undefined;
  const serverOf = (data: unknown): MessageServer<S> | undefined => kinds.get(kindOf(data) as string) ?? rest;
  const hasFilters = [...kinds.values(), rest].some((server) => server?.filter !== undefined);
  return {
    message(subject, data, isBinary) {
      const server = serverOf(data);
      if (server === undefined) {
        throw new MessageDecodeError(
          `No @OnMessage() serves messages whose "${discriminator}" is ${JSON.stringify(kindOf(data)) ?? 'missing'}`,
          'json',
          false,
        );
      }
      return server.message(subject, data, isBinary);
    },
    filter: hasFilters
      ? (subject, data, failure) => {
          const filter = serverOf(data)?.filter;
          if (filter === undefined) throw failure;
          return filter(subject, data, failure);
        }
      : undefined,
  };
}
