import { ConnectionHandler, type WebSocketConnection, type WSMessageEvent } from 'nestjs-4d-websocket';
import type { ChatMessage, Say } from './chat.messages.js';

/** One person in the room. There is an instance for each connection, so the name is simply a field. */
@ConnectionHandler()
export class ChatHandler implements ConnectionHandler<Say> {
  name = '';

  onOpen(ws: WebSocketConnection) {
    this.name = ws.request.query.name as string;
    this.tell(ws, { type: 'joined', name: this.name, online: this.online(ws), at: now() });
  }

  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<Say>) {
    const text = typeof data?.text === 'string' ? data.text.trim().slice(0, 2000) : '';
    if (text !== '') this.tell(ws, { type: 'said', name: this.name, text, at: now() });
  }

  onTerminate(ws: WebSocketConnection) {
    this.tell(ws, { type: 'left', name: this.name, online: this.online(ws), at: now() });
  }

  private tell(ws: WebSocketConnection, message: ChatMessage) {
    ws.wss.broadcast(message);
  }

  private online(ws: WebSocketConnection) {
    return ws.wss.connections
      .map(({ handler }) => (handler as ChatHandler).name)
      .sort((a, b) => a.localeCompare(b));
  }
}

function now() {
  return new Date().toISOString();
}
