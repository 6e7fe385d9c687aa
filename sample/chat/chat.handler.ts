import { randomUUID } from 'node:crypto';
import { ConnectionHandler, type WebSocketConnection, type WSMessageEvent } from 'nestjs-4d-websocket';
import { ROOM, type ChatMessage, type Say } from './chat.messages.js';

/** How many lines somebody who joins is shown. */
const LAST_LINES = 50;

/** One person in the room. There is an instance for each connection, so the name is simply a field. */
@ConnectionHandler()
export class ChatHandler implements ConnectionHandler<Say> {
  name = '';

  async onOpen(ws: WebSocketConnection) {
    this.name = ws.request.query.name as string;
    // Who comes back gets what was said meanwhile; who is new, the last lines.
    await ws.subscribe(ROOM, { last: LAST_LINES });
    this.announce(ws, 'joined');
  }

  async onMessage({ wss }: WebSocketConnection, { data }: WSMessageEvent<Say>) {
    const text = typeof data?.text === 'string' ? data.text.trim().slice(0, 2000) : '';
    if (text === '') return;
    const id = typeof data.id === 'string' ? data.id.slice(0, 40) : randomUUID();
    const said: ChatMessage = { type: 'said', id, name: this.name, text, at: now() };
    await wss.publish(ROOM, said);
  }

  onTerminate(ws: WebSocketConnection) {
    this.announce(ws, 'left');
  }

  /** Who is there is for those who are there: it is not remembered. */
  private announce({ wss }: WebSocketConnection, type: 'joined' | 'left') {
    const online = wss.connections
      .map(({ handler }) => (handler as ChatHandler).name)
      .sort((a, b) => a.localeCompare(b));
    const announcement: ChatMessage = { type, name: this.name, online, at: now() };
    wss.broadcast(announcement);
  }
}

function now() {
  return new Date().toISOString();
}
