import { ConnectionHandler, type WebSocketConnection } from 'nestjs-4d-websocket';
import type { User } from './jwt.guard.js';

/** What is known of a client: its `ws.data`. */
export type Session = { user: User };

/** Like HTTP's 401: the client should get a new token, and come back. */
const TOKEN_EXPIRED = 4401;

/** Tells the time, to whom it knows, for as long as the token is good. */
@ConnectionHandler()
export class ClockHandler implements ConnectionHandler<string> {
  private tick?: NodeJS.Timeout;
  private expiry?: NodeJS.Timeout;

  onOpen(ws: WebSocketConnection<Session>) {
    const { user } = ws.data;
    const tell = () => ws.send({ name: user.name, now: new Date().toISOString(), expires: user.exp });
    tell();
    this.tick = setInterval(tell, 1000);
    this.expiry = setTimeout(
      () => ws.terminate(TOKEN_EXPIRED, 'The token has expired'),
      user.exp * 1000 - Date.now(),
    );
  }

  onMessage() {}

  onTerminate() {
    clearInterval(this.tick);
    clearTimeout(this.expiry);
  }
}
