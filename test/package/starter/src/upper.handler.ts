import { ConnectionHandler, type WebSocketConnection, type WSMessageEvent } from 'nestjs-4d-websocket';
import { AppService } from './app.service.js';

@ConnectionHandler({ path: '/upper' })
export class UpperHandler implements ConnectionHandler<string> {
  constructor(private readonly appService: AppService) {}

  onOpen(ws: WebSocketConnection) {
    ws.send(this.appService.getHello());
  }

  onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
    ws.send(data.toUpperCase());
  }
}
