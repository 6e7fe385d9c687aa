import { Req, UseGuards } from '@nestjs/common';
import { WSSHandler, type WebSocketServer, type WSConnectionEvent } from 'nestjs-4d-websocket';
import { ClockHandler, type Session } from './clock.handler.js';
import { JwtGuard, type AuthenticatedRequest } from './jwt.guard.js';

/** The guard has the last word: without a valid token there is a 401, which a page sees as the close code 4401. */
@WSSHandler({ path: '/clock', dataType: 'object', refusals: 'close' })
@UseGuards(JwtGuard)
export class ClockServer {
  onConnection(
    _wss: WebSocketServer,
    { request }: WSConnectionEvent<Session>,
    @Req() { user }: AuthenticatedRequest,
  ) {
    request.data.user = user;
    return ClockHandler;
  }
}
