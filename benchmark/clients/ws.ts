// Plain ws as a client.
import { WebSocket } from 'ws';
import { present, TEXT } from './client.js';

await present(
  (port, received) =>
    new Promise((resolve) => {
      const client = new WebSocket(`ws://127.0.0.1:${port}/text`);
      client.on('open', () => resolve(() => client.send(TEXT)));
      client.on('message', (data: Buffer) => received(data.toString()));
    }),
);
