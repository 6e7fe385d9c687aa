import { ConnectionHandler, type WebSocketConnection, type WSMessageEvent } from 'nestjs-4d-websocket';

/** The smallest server: whoever connects to /upper gets back what they say, in capitals. */
@ConnectionHandler({ path: '/upper' })
export class UppercaseHandler implements ConnectionHandler<string> {
  onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
    return data.toUpperCase();
  }
}
