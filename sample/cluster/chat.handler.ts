import { Logger } from '@nestjs/common';
import { ConnectionHandler, type WebSocketConnection, type WSMessageEvent } from 'nestjs-4d-websocket';
import { PresenceService } from './presence.service.js';

const logger = new Logger(`Instance ${process.env.INSTANCE ?? process.pid}`);

/** One person in the room; the room is on all instances. The page is that of the chat sample. */
@ConnectionHandler()
export class ChatHandler implements ConnectionHandler<{ text?: unknown }> {
  private name = '';

  constructor(private readonly presence: PresenceService) {}

  async onOpen(ws: WebSocketConnection) {
    this.name = ws.request.query.name as string;
    this.presence.keep(this.name);
    logger.log(`${this.name} joined`);
    await this.announce(ws, 'joined');
  }

  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<{ text?: unknown }>) {
    const text = typeof data?.text === 'string' ? data.text.trim().slice(0, 2000) : '';
    if (text === '') return;
    ws.wss.broadcast({ type: 'said', name: this.name, text, at: new Date().toISOString() });
  }

  async onTerminate(ws: WebSocketConnection) {
    await this.presence.release(this.name);
    logger.log(`${this.name} left`);
    await this.announce(ws, 'left');
  }

  private async announce(ws: WebSocketConnection, type: 'joined' | 'left') {
    const online = await this.presence.online();
    ws.wss.broadcast({ type, name: this.name, online, at: new Date().toISOString() });
  }
}
