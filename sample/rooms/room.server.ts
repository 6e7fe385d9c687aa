import { Param, ParseIntPipe } from '@nestjs/common';
import { WSSHandler } from 'nestjs-4d-websocket';
import { RoomHandler } from './room.handler.js';

/** Rooms have numbers: any other path is HTTP 400, before there is a WebSocket. */
@WSSHandler({ path: '/rooms/:room', dataType: 'object', maxPayload: 4096 })
export class RoomServer {
  onConnection(@Param('room', ParseIntPipe) room: number) {
    return room > 0 && room < 100 ? RoomHandler : null;
  }
}
