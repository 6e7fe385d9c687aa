import { ConnectionHandler, type ConnectionOf, type HandlerOf } from 'nestjs-4d-websocket';
import { clock, type Clock } from './clock.contract.js';
import type { User } from './jwt.guard.js';

/** What is known of a client: its `ws.data`. */
export type Session = { user: User };

/** Like HTTP's 401: the client should get a new token, and come back. */
const TOKEN_EXPIRED = 4401;

/** Tells the time, to whom it knows, for as long as the token is good. */
@ConnectionHandler({ contract: clock })
export class ClockHandler implements HandlerOf<Clock, Session> {
  private tick?: NodeJS.Timeout;
  private expiry?: NodeJS.Timeout;

  onOpen(ws: ConnectionOf<Clock, Session>) {
    const tell = () => ws.send(clock.tick({ now: new Date().toISOString() }));
    tell();
    this.tick = setInterval(tell, 1000);
    this.expiry = setTimeout(
      () => ws.terminate(TOKEN_EXPIRED, 'The token has expired'),
      ws.data.user.exp * 1000 - Date.now(),
    );
  }

  whoAmI({ data: { user } }: ConnectionOf<Clock, Session>) {
    return { name: user.name, expires: user.exp };
  }

  onTerminate() {
    clearInterval(this.tick);
    clearTimeout(this.expiry);
  }
}
