// crossws with its Redis sync, with its adapter for Node.
import { createServer } from 'node:http';
import crossws from 'crossws/adapters/node';
import { redis } from 'crossws/sync';
import { Redis } from 'ioredis';
import { countOf, NEWS, PORT, present, TOPIC } from './contender.js';

const client = new Redis({ host: '127.0.0.1', port: Number(process.env.REDIS_PORT) });
const adapter = crossws({
  // Its types know older clients only.
  sync: redis({ client: client as never, connector: 'ioredis', channel: 'bench' }),
  hooks: {
    open(peer) {
      peer.subscribe(TOPIC);
    },
    message(_peer, message) {
      const count = countOf(message.text());
      for (let index = 0; index < count; index++) adapter.publish(TOPIC, NEWS);
    },
  },
});
const server = createServer();
server.on('upgrade', (request, socket, head) => void adapter.handleUpgrade(request, socket, head));
server.listen(PORT, '127.0.0.1', () => present(server, (text) => adapter.publish(TOPIC, text)));
