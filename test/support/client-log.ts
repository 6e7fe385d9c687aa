import type {
  ClientDisconnectEvent,
  ClientErrorEvent,
  ClientMessageEvent,
  ClientOpenEvent,
  ClientResumeEvent,
  ClientTerminateEvent,
} from 'nestjs-4d-websocket/client';

type ClientEvent =
  | ClientDisconnectEvent
  | ClientErrorEvent
  | ClientMessageEvent
  | ClientOpenEvent
  | ClientResumeEvent
  | ClientTerminateEvent;

type EventOf<Type extends ClientEvent['type']> = Extract<ClientEvent, { type: Type }>;

/** A handler that writes down all that a client tells, to be waited for. */
export class ClientLog {
  readonly events: ClientEvent[] = [];
  #wake: (() => void)[] = [];

  readonly hooks = {
    onOpen: (_ws: unknown, event: ClientOpenEvent) => this.#add(event),
    onMessage: (_ws: unknown, event: ClientMessageEvent<any>) => this.#add(event),
    onResume: (_ws: unknown, event: ClientResumeEvent) => this.#add(event),
    onError: (_ws: unknown, event: ClientErrorEvent) => this.#add(event),
    onDisconnect: (_ws: unknown, event: ClientDisconnectEvent) => this.#add(event),
    onTerminate: (_ws: unknown, event: ClientTerminateEvent) => this.#add(event),
  };

  get types(): string[] {
    return this.events.map(({ type }) => type);
  }

  all<Type extends ClientEvent['type']>(type: Type): EventOf<Type>[] {
    return this.events.filter((event): event is EventOf<Type> => event.type === type);
  }

  /** The event of a type that came as the nth, counted from 1; waits for it. */
  async nth<Type extends ClientEvent['type']>(type: Type, count = 1): Promise<EventOf<Type>> {
    for (;;) {
      const found = this.all(type)[count - 1];
      if (found) return found;
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  #add(event: ClientEvent): void {
    this.events.push(event);
    for (const wake of this.#wake.splice(0)) wake();
  }
}
