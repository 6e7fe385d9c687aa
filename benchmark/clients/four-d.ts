// This package's client.
import { FourDWebSocket } from 'nestjs-4d-websocket/client';
import { present, TEXT } from './client.js';

await present(
  (port, received) =>
    new Promise((resolve) => {
      const client: FourDWebSocket = new FourDWebSocket(`ws://127.0.0.1:${port}/text`, {
        onOpen: () => resolve(() => client.send(TEXT)),
        onMessage: (_ws, { data }) => received(data),
      });
    }),
);
