import { UseFilters, UsePipes, ValidationPipe } from '@nestjs/common';
import { ConnectedSocket, MessageBody } from '@nestjs/websockets';
import { ConnectionHandler, OnMessage, type WebSocketConnection } from 'nestjs-4d-websocket';
import { BadRequestFilter } from './bad-request.filter.js';
import { Clear, PickColour, PlaceNote } from './room.messages.js';

/** One person at the board of a room. Each kind of message has its method, and its validation. */
@ConnectionHandler({ discriminator: 'type' })
@UsePipes(new ValidationPipe({ transform: true }))
@UseFilters(BadRequestFilter)
export class RoomHandler {
  private colour = '#ffd75e';

  onOpen(ws: WebSocketConnection) {
    ws.subscribe(room(ws));
    ws.send({ type: 'welcome', you: ws.id, room: ws.request.params.room });
  }

  @OnMessage('place')
  place(@ConnectedSocket() ws: WebSocketConnection, @MessageBody() { text, left, top }: PlaceNote) {
    ws.wss.publish(room(ws), { type: 'placed', by: ws.id, text, left, top, colour: this.colour });
  }

  @OnMessage('colour')
  pick(@ConnectedSocket() _ws: WebSocketConnection, @MessageBody() { colour }: PickColour) {
    this.colour = colour;
    return { type: 'colour', colour };
  }

  @OnMessage('clear')
  clear(@ConnectedSocket() ws: WebSocketConnection, @MessageBody() { which }: Clear) {
    ws.wss.publish(room(ws), { type: 'cleared', by: which === 'mine' ? ws.id : null });
  }

  @OnMessage()
  other() {
    return { type: 'invalid', problems: ['I know the types place, colour and clear'] };
  }
}

function room(ws: WebSocketConnection) {
  return `room ${ws.request.params.room}`;
}
