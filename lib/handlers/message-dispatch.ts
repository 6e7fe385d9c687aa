import type { ConnectionHooks } from '../server/hooks.js';
import { MessageDecodeError } from '../errors/message-decode.error.js';

/** What serves messages, or one kind of them. */
export type MessageServer = Pick<ConnectionHooks, 'message' | 'filter'>;

/**
 * Sends each message to the method for its kind, the others to the rest.
 *
 * @param discriminator the property of a message that holds its kind
 */
export function dispatchByKind(
  discriminator: string,
  kinds: ReadonlyMap<string, MessageServer>,
  rest: MessageServer | undefined,
): MessageServer {
  const kindOf = (data: unknown): unknown =>
    typeof data === 'object' && data !== null ? (data as Record<string, unknown>)[discriminator] : undefined;
  const serverOf = (data: unknown): MessageServer | undefined => kinds.get(kindOf(data) as string) ?? rest;
  const hasFilters = [...kinds.values(), rest].some((server) => server?.filter !== undefined);
  return {
    message(connection, data, isBinary) {
      const server = serverOf(data);
      if (server === undefined) {
        throw new MessageDecodeError(
          `No @OnMessage() serves messages whose "${discriminator}" is ${JSON.stringify(kindOf(data)) ?? 'missing'}`,
          'json',
          false,
        );
      }
      return server.message(connection, data, isBinary);
    },
    filter: hasFilters
      ? (connection, data, failure) => {
          const filter = serverOf(data)?.filter;
          if (filter === undefined) throw failure;
          return filter(connection, data, failure);
        }
      : undefined,
  };
}
