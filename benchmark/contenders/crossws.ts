// crossws, with its adapter for Node.
import { createServer } from 'node:http';
import crossws from 'crossws/adapters/node';
import { present } from './contender.js';

const adapter = crossws({
  hooks: {
    message(peer, message) {
      if (peer.request?.url.endsWith('/blob')) peer.send(message.uint8Array());
      else peer.send(message.text());
    },
  },
});
const server = createServer();
server.on('upgrade', (request, socket, head) => void adapter.handleUpgrade(request, socket, head));
server.listen(0, '127.0.0.1', () => present(server));
