import { Logger } from '@nestjs/common';
import { ConnectionHandler, type ConnectionOf, type HandlerOf } from 'nestjs-4d-websocket';
import { chat, ROOM, type Chat, type Say } from '../chat/chat.contract.js';
import { CLOCK } from './chat.topics.js';
import { PresenceService } from './presence.service.js';

const logger = new Logger(`Instance ${process.env.INSTANCE ?? process.pid}`);

/** How many lines somebody who joins is shown. */
const LAST_LINES = 50;

/** One person in the room; the room is on all instances. Page and contract are those of the chat sample. */
@ConnectionHandler({ contract: chat })
export class ChatHandler implements HandlerOf<Chat> {
  private name = '';

  constructor(private readonly presence: PresenceService) {}

  async onOpen(ws: ConnectionOf<Chat>) {
    this.name = ws.request.query.name as string;
    this.presence.keep(this.name);
    logger.log(`${this.name} joined`);
    // Who comes back gets what was said meanwhile; who is new, the last lines.
    await ws.subscribe(ROOM, { last: LAST_LINES });
    await ws.subscribe(CLOCK, { last: 1 });
    ws.wss.broadcast(chat.joined(await this.whoIsThere()));
  }

  /** While Redis is away this rejects, and the page says it again. */
  /** While Redis is away this rejects, and the page says it again. */
  async say({ wss }: ConnectionOf<Chat>, { text, id }: Say) {
    await wss.publish(ROOM, chat.said({ id, name: this.name, text, at: now() }));
  }

  async onTerminate(ws: ConnectionOf<Chat>) {
    await this.presence.release(this.name);
    logger.log(`${this.name} left`);
    ws.wss.broadcast(chat.left(await this.whoIsThere()));
  }

  /** Who is there is for those who are there: it is not remembered. */
  private async whoIsThere() {
    return { name: this.name, online: await this.presence.online(), at: now() };
  }
}

function now() {
  return new Date().toISOString();
}
