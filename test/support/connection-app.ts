import {
  ConnectionHandler,
  WebSocketConnection,
  WebSocketServerRegistry,
  type ConnectionHandlerOptions,
  type WSErrorEvent,
  type WSMessageEvent,
  type WSTerminateEvent,
} from 'nestjs-4d-websocket';
import { startApp, type TestAppOptions } from './app.js';
import { connect } from './client.js';
import { Recorder } from './recorder.js';

/** Starts an application with one server, at `/`, whose connections run a function for each message and note the rest. */
export async function serveConnections(
  options: ConnectionHandlerOptions = {},
  onMessage: (ws: WebSocketConnection, data: never) => unknown = () => undefined,
  { providers = [], ...app }: TestAppOptions = {},
) {
  const events = new Recorder();
  @ConnectionHandler({ path: '/', ...options })
  class Handler {
    onOpen(ws: WebSocketConnection) {
      events.push('open', ws);
    }
    onMessage(ws: WebSocketConnection, { data }: WSMessageEvent<never>) {
      return onMessage(ws, data);
    }
    onError(_ws: WebSocketConnection, event: WSErrorEvent) {
      events.push('error', event);
    }
    onTerminate(ws: WebSocketConnection, event: WSTerminateEvent) {
      events.push('terminate', event, ws);
    }
  }
  const testApp = await startApp({ ...app, providers: [Handler, ...providers] });
  const server = testApp.app.get(WebSocketServerRegistry).get('/')!;
  /** The server's side of the next connection. */
  const nextConnection = async () => (await events.next('open'))[0] as WebSocketConnection;
  return { ...testApp, events, server, Handler, nextConnection };
}

/** A server at `/` whose connections run the given function for each message. */
export const serve = (
  onMessage: (ws: WebSocketConnection, data: never) => unknown,
  options?: Parameters<typeof ConnectionHandler>[0],
) => serveConnections(options, onMessage);

/** A connection of a server that does nothing with messages, from both sides. */
export async function open(options?: Parameters<typeof ConnectionHandler>[0]) {
  const served = await serve(() => undefined, options);
  const client = await connect(served.wsUrl);
  const [ws] = await served.events.next('open');
  return { ...served, client, ws: ws as WebSocketConnection };
}
