// rpc-websockets: JSON-RPC 2.0 over ws.
import { createServer } from 'node:http';
import { Server } from 'rpc-websockets';
import { message } from './call.js';
import { present } from './contender.js';

const server = createServer();
const rpc = new Server({ server });

rpc.register('echo', (params) => {
  const found = message.safeParse(params);
  if (!found.success) throw new Error('Invalid');
  return found.data;
});
server.listen(0, '127.0.0.1', () => present(server));
