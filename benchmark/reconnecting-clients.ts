import { FourDWebSocket } from 'nestjs-4d-websocket/client';
import { WebSocket as PartySocket } from 'partysocket';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';

/** Milliseconds before a client comes back: the same for all, and much less than they wait by themselves. */
const LEAST_DELAY = 20;
const MOST_DELAY = 60;

/**
 * Connects a client that comes back by itself whenever its line is lost.
 *
 * @param heard to be called for each message
 * @returns what ends the client
 */
export type ReconnectingClient = (port: number, heard: (text: string) => void) => () => void;

export const partySocket: ReconnectingClient = (port, heard) => {
  const client = new PartySocket(`ws://127.0.0.1:${port}/`, [], {
    WebSocket,
    minReconnectionDelay: LEAST_DELAY,
    maxReconnectionDelay: MOST_DELAY,
  });
  client.addEventListener('message', ({ data }) => heard(String(data)));
  return () => client.close();
};

export const socketIoClient: ReconnectingClient = (port, heard) => {
  const client = io(`http://127.0.0.1:${port}`, {
    transports: ['websocket'],
    forceNew: true,
    reconnectionDelay: LEAST_DELAY,
    reconnectionDelayMax: MOST_DELAY,
  });
  client.on('news', heard);
  return () => client.disconnect();
};

export const fourDWebSocket: ReconnectingClient = (port, heard) => {
  const client: FourDWebSocket = new FourDWebSocket(
    `ws://127.0.0.1:${port}/remembered`,
    { onMessage: (_ws, { data }) => heard(data) },
    { reconnect: { minDelay: LEAST_DELAY, maxDelay: MOST_DELAY } },
  );
  return () => client.terminate();
};
