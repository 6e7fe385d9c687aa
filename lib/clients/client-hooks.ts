import type {
  ClientDisconnectEvent,
  ClientErrorEvent,
  ClientOpenEvent,
  ClientResumeEvent,
  ClientTerminateEvent,
} from '../client/events.js';
import type { MemberKind } from '../contract/contract.js';
import { InvalidHandlerError } from '../errors/invalid-handler.error.js';
import { contractHooks, type ContractHandlerClass } from '../handlers/contract-members.js';
import { findHookMethods, optionalHook } from '../handlers/hook-methods.js';
import type { MessageServer } from '../handlers/message-dispatch.js';
import { serveMessages, type MessageHandlerClass } from '../handlers/message-server.js';
import type { EnhancerResolver } from '../handlers/pipeline/enhancer-resolver.js';
import type { ContractHooks } from '../server/rpc/contract-hooks.js';

/** What a client serves of a contract; the others it sends, calls and reads. */
const SERVED_BY_CLIENTS: readonly MemberKind[] = ['sends', 'asks'];

/** A client, as its hooks need to know it. */
export interface ClientSubject {
  readonly handler: object;
}

/** The hooks of a client's handler, plain or through Nest's enhancers. */
export interface ClientHooks {
  /** The class, for the log. */
  readonly name: string;
  readonly messages: MessageServer<ClientSubject> | undefined;
  readonly contract: ContractHooks<ClientSubject> | undefined;
  open?(ws: ClientSubject, event: ClientOpenEvent): unknown;
  resume?(ws: ClientSubject, event: ClientResumeEvent): unknown;
  error?(ws: ClientSubject, event: ClientErrorEvent): unknown;
  disconnect?(ws: ClientSubject, event: ClientDisconnectEvent): unknown;
  terminate?(ws: ClientSubject, event: ClientTerminateEvent): unknown;
}

/** The handler of a client, and its hooks. */
export interface BoundClientHandler {
  readonly handler: object;
  readonly hooks: ClientHooks;
}

/**
 * Finds the hooks of a client's handler.
 *
 * @throws {InvalidHandlerError} if it has none, or one that no message can reach, or an enhancer that Nest has no instance of
 */
export function bindClientHandler(
  handler: object,
  handlerClass: Pick<MessageHandlerClass<ClientSubject>, 'type' | 'wrapper' | 'contextId' | 'discriminator'> &
    Pick<ContractHandlerClass, 'contract'>,
  enhancers: EnhancerResolver,
): BoundClientHandler {
  const name = handlerClass.type.name || 'handler';
  const methods = findHookMethods(handler, name);
  const { onOpen, onResume, onError, onDisconnect, onTerminate } = methods;
  const messages = serveMessages<ClientSubject>(
    { ...handlerClass, handler, methods, decorator: 'WebSocketClient', pattern: () => undefined },
    enhancers,
  );
  const contract = contractHooks<ClientSubject>(
    { ...handlerClass, handler },
    methods,
    enhancers,
    SERVED_BY_CLIENTS,
  );
  if (
    messages === undefined &&
    contract === undefined &&
    !(onOpen ?? onResume ?? onError ?? onDisconnect ?? onTerminate)
  ) {
    throw new InvalidHandlerError(
      name,
      'a client needs a hook: a method onMessage(), onOpen(), onResume(), onError(), onDisconnect() or onTerminate(), ' +
        'or one marked @OnMessage() and so on',
    );
  }
  return {
    handler,
    hooks: {
      name,
      messages,
      contract,
      open: optionalHook(onOpen, handlerOf, (event: ClientOpenEvent) => event),
      resume: optionalHook(onResume, handlerOf, (event: ClientResumeEvent) => event),
      error: optionalHook(onError, handlerOf, (event: ClientErrorEvent) => event),
      disconnect: optionalHook(onDisconnect, handlerOf, (event: ClientDisconnectEvent) => event),
      terminate: optionalHook(onTerminate, handlerOf, (event: ClientTerminateEvent) => event),
    },
  };
}

function handlerOf(ws: ClientSubject): object {
  return ws.handler;
}
