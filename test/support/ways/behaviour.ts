import {
  WebSocketConnection,
  type HandshakeRequest,
  type WSErrorEvent,
  type WSTerminateEvent,
} from 'nestjs-4d-websocket';

/** What a test wants a handler to do, however the handler came to be. */
export interface Behaviour {
  /** Before the client is let in; what it throws refuses the client. */
  onConnection?(request: HandshakeRequest): unknown;
  onOpen?(ws: WebSocketConnection): unknown;
  onMessage?(ws: WebSocketConnection, data: string): unknown;
  onError?(ws: WebSocketConnection, event: WSErrorEvent): unknown;
  onTerminate?(ws: WebSocketConnection, event: WSTerminateEvent): unknown;
}

const behaviours = new Map<string, Behaviour>();
let count = 0;

/** Remembers a behaviour; returns the value of the query parameter by which a client asks for it. */
export function register(behaviour: Behaviour): string {
  const id = String(++count);
  behaviours.set(id, behaviour);
  return id;
}

/** The behaviour that a client asked for; for a connection that of its handshake. */
export function behaviourOf(client: WebSocketConnection | string): Behaviour {
  const id = typeof client === 'string' ? client : (client.request.query.behaviour as string);
  return behaviours.get(id)!;
}
