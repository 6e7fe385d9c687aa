import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { ConnectionHandler, type WebSocketConnection, type WSMessageEvent } from 'nestjs-4d-websocket';
import { CLOCK, ROOM } from './chat.topics.js';
import { PresenceService } from './presence.service.js';

const logger = new Logger(`Instance ${process.env.INSTANCE ?? process.pid}`);

/** How many lines somebody who joins is shown. */
const LAST_LINES = 50;

/** What the page sends. It is said again, with the same id, until it has come back. */
interface Say {
  text?: unknown;
  id?: unknown;
}

/** One person in the room; the room is on all instances. The page is that of the chat sample. */
@ConnectionHandler()
export class ChatHandler implements ConnectionHandler<Say> {
  private name = '';

  constructor(private readonly presence: PresenceService) {}

  async onOpen(ws: WebSocketConnection) {
    this.name = ws.request.query.name as string;
    this.presence.keep(this.name);
    logger.log(`${this.name} joined`);
    // Who comes back gets what was said meanwhile; who is new, the last lines.
    await ws.subscribe(ROOM, { last: LAST_LINES });
    await ws.subscribe(CLOCK, { last: 1 });
    await this.announce(ws, 'joined');
  }

  /** While Redis is away this rejects, and the page says it again. */
  async onMessage({ wss }: WebSocketConnection, { data }: WSMessageEvent<Say>) {
    const text = typeof data?.text === 'string' ? data.text.trim().slice(0, 2000) : '';
    if (text === '') return;
    const id = typeof data.id === 'string' ? data.id.slice(0, 40) : randomUUID();
    await wss.publish(ROOM, { type: 'said', id, name: this.name, text, at: new Date().toISOString() });
  }

  async onTerminate(ws: WebSocketConnection) {
    await this.presence.release(this.name);
    logger.log(`${this.name} left`);
    await this.announce(ws, 'left');
  }

  /** Who is there is for those who are there: it is not remembered. */
  private async announce({ wss }: WebSocketConnection, type: 'joined' | 'left') {
    const online = await this.presence.online();
    wss.broadcast({ type, name: this.name, online, at: new Date().toISOString() });
  }
}
