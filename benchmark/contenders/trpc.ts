// tRPC, over its WebSocket adapter.
import { createServer } from 'node:http';
import { initTRPC } from '@trpc/server';
import { applyWSSHandler } from '@trpc/server/adapters/ws';
import { WebSocketServer } from 'ws';
import { message } from './call.js';
import { present } from './contender.js';

const { router, procedure } = initTRPC.create();
const server = createServer();

applyWSSHandler({
  wss: new WebSocketServer({ server }),
  router: router({ echo: procedure.input(message).query(({ input }) => input) }),
});
server.listen(0, '127.0.0.1', () => present(server));
