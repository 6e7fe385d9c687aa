import { ConnectionHandler, type ConnectionOf, type HandlerOf } from 'nestjs-4d-websocket';
import { chat, ROOM, type Chat, type Say } from './chat.contract.js';

/** How many lines somebody who joins is shown. */
const LAST_LINES = 50;

/** One person in the room. There is an instance for each connection, so the name is simply a field. */
@ConnectionHandler({ contract: chat })
export class ChatHandler implements HandlerOf<Chat> {
  name = '';

  async onOpen(ws: ConnectionOf<Chat>) {
    this.name = ws.request.query.name as string;
    // Who comes back gets what was said meanwhile; who is new, the last lines.
    await ws.subscribe(ROOM, { last: LAST_LINES });
    ws.wss.broadcast(chat.joined(this.presence(ws)));
  }

  async say({ wss }: ConnectionOf<Chat>, { text, id }: Say) {
    await wss.publish(ROOM, chat.said({ id, name: this.name, text, at: now() }));
  }

  onTerminate(ws: ConnectionOf<Chat>) {
    ws.wss.broadcast(chat.left(this.presence(ws)));
  }

  /** Who is there is for those who are there: it is not remembered. */
  private presence({ wss }: ConnectionOf<Chat>) {
    const online = wss.connections
      .map(({ handler }) => (handler as ChatHandler).name)
      .sort((a, b) => a.localeCompare(b));
    return { name: this.name, online, at: now() };
  }
}

function now() {
  return new Date().toISOString();
}
