import { BadRequestException, ConflictException, Logger } from '@nestjs/common';
import {
  WSSHandler,
  type WebSocketServer,
  type WSConnectionEvent,
  type WSErrorEvent,
} from 'nestjs-4d-websocket';
import { ChatHandler } from './chat.handler.js';
import { CHAT, HISTORY } from './chat.topics.js';
import { PresenceService } from './presence.service.js';

/** Lets in whoever brings a name that nobody else has, on any instance. */
@WSSHandler({ path: CHAT, dataType: 'object', maxPayload: 16 * 1024, history: HISTORY })
export class ChatServer implements WSSHandler {
  private readonly logger = new Logger('ChatServer');

  constructor(private readonly presence: PresenceService) {}

  async onConnection(_wss: WebSocketServer, { request }: WSConnectionEvent) {
    const { name } = request.query;
    if (typeof name !== 'string' || !/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,23}$/u.test(name)) {
      throw new BadRequestException('A name has 1 to 24 letters, digits, spaces, dots, dashes');
    }
    if (!(await this.presence.reserve(name))) throw new ConflictException(`${name} is in the room already`);
    return ChatHandler;
  }

  /** Among others: the backplane is away. Here is where an alarm belongs. */
  onError(_wss: WebSocketServer, { errors: [{ componentSignature, message }] }: WSErrorEvent) {
    this.logger.error(`${componentSignature}: ${message}`);
  }
}
