import { UseGuards } from '@nestjs/common';
import { WSSHandler } from 'nestjs-4d-websocket';
import { ClockHandler } from './clock.handler.js';
import { JwtGuard } from './jwt.guard.js';

/** The guard has the last word: without a valid token there is no WebSocket, but a 401. */
@WSSHandler('/clock')
@UseGuards(JwtGuard)
export class ClockServer implements WSSHandler {
  onConnection() {
    return ClockHandler;
  }
}
