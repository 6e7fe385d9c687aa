import { BadRequestException, ConflictException } from '@nestjs/common';
import { WSSHandler, type WebSocketServer, type WSConnectionEvent } from 'nestjs-4d-websocket';
import { ChatHandler } from './chat.handler.js';
import { ROOM } from './chat.contract.js';

/** Lets in whoever brings a name that nobody else has. */
@WSSHandler({ path: '/chat', dataType: 'object', maxPayload: 16 * 1024, history: { topics: ROOM } })
export class ChatServer implements WSSHandler {
  onConnection(wss: WebSocketServer, { request }: WSConnectionEvent) {
    const { name } = request.query;
    if (typeof name !== 'string' || !/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,23}$/u.test(name)) {
      throw new BadRequestException('A name has 1 to 24 letters, digits, spaces, dots, dashes');
    }
    if (wss.connections.some(({ handler }) => (handler as ChatHandler).name === name)) {
      throw new ConflictException(`${name} is in the room already`);
    }
    return ChatHandler;
  }
}
