import { Logger } from '@nestjs/common';
import type {
  ClientDisconnectEvent,
  ClientErrorEvent,
  ClientMessageEvent,
  ClientOpenEvent,
  ClientResumeEvent,
  ClientTerminateEvent,
} from '../client/events.js';
import type { TypedClientHandler } from '../client/four-d-web-socket.js';
import { FourDWebSocket } from '../client/node.js';
import { errorDetails, errorStack } from '../errors/error-details.js';
import { MessageDecodeError } from '../errors/message-decode.error.js';
import type { BoundClientHandler, ClientHooks } from './client-hooks.js';
import type { ClientSettings } from './client-settings.js';
import { serveMember } from './member-service.js';
import { MessageService, type MessageClient } from './message-service.js';

const logger = new Logger('WebSocketClient');

/** A client whose hooks are those of a handler that Nest made: messages go through its enhancers (reference 15.7). */
export class HandlerWebSocket extends FourDWebSocket implements MessageClient {
  static readonly #HOOKS = {
    onOpen: (ws: HandlerWebSocket, event: ClientOpenEvent) => ws.#hooks.open?.(ws, event),
    onMessage: (ws: HandlerWebSocket, event: ClientMessageEvent) => ws.#messages?.serve(event),
    onResume: (ws: HandlerWebSocket, event: ClientResumeEvent) => ws.#hooks.resume?.(ws, event),
    onError: (ws: HandlerWebSocket, event: ClientErrorEvent) => ws.#report(event),
    onDisconnect(ws: HandlerWebSocket, event: ClientDisconnectEvent) {
      ws.#messages?.endTold();
      return ws.#hooks.disconnect?.(ws, event);
    },
    onTerminate: (ws: HandlerWebSocket, event: ClientTerminateEvent) => ws.#lastHook(event),
  };

  override readonly handler: TypedClientHandler<unknown>;
  /** @internal Resolves when `onTerminate` is over. */
  readonly ended: Promise<void>;
  readonly #hooks: ClientHooks;
  readonly #messages: MessageService | undefined;
  #resolveEnded: () => void = () => undefined;
  #wasAsked = false;
  // onTerminate is the last hook: what fails later is for the log.
  #isOver = false;

  constructor({ handler, hooks }: BoundClientHandler, { url, dataType, headers, options }: ClientSettings) {
    // The hooks are asked for after the first attempt at the earliest: then the handler is known.
    super(url, { ...HandlerWebSocket.#hooksOf(hooks), dataType, headers } as never, options);
    this.handler = handler as TypedClientHandler<unknown>;
    this.#hooks = hooks;
    this.#messages = hooks.messages && new MessageService(this, hooks.messages);
    this.hooks.closed = () => this.#messages?.connectionEnded();
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
  }

  /** With a contract, the methods that serve what the server says and asks. */
  static #hooksOf({ contract }: ClientHooks): object {
    if (contract === undefined) return HandlerWebSocket.#HOOKS;
    const methods: Record<string, unknown> = {};
    for (const [name, server] of contract.members) {
      methods[name] = (ws: HandlerWebSocket, data: unknown, signal: AbortSignal) =>
        serveMember(server, ws, data, signal);
    }
    return { ...HandlerWebSocket.#HOOKS, onMessage: undefined, ...methods };
  }

  override terminate(code?: number, reason?: string): void {
    super.terminate(code, reason);
    this.#wasAsked = true;
  }

  /** @internal */
  async messageFailed(error: unknown, data: unknown): Promise<void> {
    if (error instanceof MessageDecodeError) {
      await this.hooks.fail(error, error.componentSignature, error.errCode);
      return;
    }
    const filter = this.#hooks.messages?.filter;
    try {
      if (filter === undefined) throw error;
      await filter(this, data, error);
    } catch (failure) {
      await this.hooks.fail(failure, 'user');
    }
  }

  /** @internal */
  streamFailed(error: unknown, data: unknown): void {
    this.hooks.run(() => {
      if (this.#isOver) this.#log(this.#hooks.name, { type: 'error', errors: errorDetails(error, 'user') });
      else return this.messageFailed(error, data);
    });
  }

  async #report({ errors: [first, ...causes] }: ClientErrorEvent): Promise<void> {
    const { name, error: onError } = this.#hooks;
    // Of an exception of Nest's, its status and its response (reference 12.1).
    const errors =
      first.componentSignature === 'user' ? errorDetails(first.error, 'user') : [first, ...causes];
    const event = { type: 'error', errors } as ClientErrorEvent;
    if (onError === undefined) {
      this.#log(name, event);
      return;
    }
    try {
      await onError(this, event);
    } catch (error) {
      this.#log(`${name} (onError)`, { type: 'error', errors: errorDetails(error, 'user') });
    }
  }

  async #lastHook(event: ClientTerminateEvent): Promise<void> {
    const { name, terminate } = this.#hooks;
    this.#isOver = true;
    try {
      await terminate?.(this, event);
    } catch (error) {
      await this.#report({ type: 'error', errors: errorDetails(error, 'user') });
    }
    // Only now: terminate() of a client without a connection runs the hook before it returns.
    if (!this.#wasAsked) {
      logger.warn(
        `${name} has ended, and will not connect again: ${event.code} ${event.reason ?? ''}`.trimEnd(),
      );
    }
    this.#resolveEnded();
  }

  /** What no `onError` hears; a server that can't be reached is no failure of the application. */
  #log(name: string, { errors }: ClientErrorEvent): void {
    for (const { message, componentSignature, errCode, error } of errors) {
      const line = `${name}: ${message} (${componentSignature} ${errCode})`;
      if (componentSignature === 'user') logger.error(line, errorStack(error));
      else logger.warn(line);
    }
  }
}
